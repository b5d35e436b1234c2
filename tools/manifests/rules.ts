import { access } from './rules/access';
import { appliedAgain } from './rules/applied-again';
import { environment } from './rules/environment';
import { images } from './rules/images';
import { lifecycle } from './rules/lifecycle';
import { podSecurity } from './rules/pod-security';
import { references } from './rules/references';
import { resources } from './rules/resources';
import { scaling } from './rules/scaling';
import { secrets } from './rules/secrets';
import { type System } from './system';
import { type Workspace } from './workspace';

/** What no schema can see. Each says in words what is wrong; nothing, where all is well. */
export const RULES: Readonly<Record<string, (system: System, workspace: Workspace) => readonly string[]>> = {
  references,
  scaling,
  resources,
  lifecycle,
  environment,
  secrets,
  'pod security': podSecurity,
  access,
  'applied again': appliedAgain,
  images,
};

/** All that the rules find. */
export function problemsOf(system: System, workspace: Workspace): readonly string[] {
  return Object.values(RULES).flatMap((rule) => rule(system, workspace));
}
