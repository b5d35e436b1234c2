import { access } from './rules/access';
import { addresses } from './rules/addresses';
import { apiServer } from './rules/api-server';
import { appliedAgain } from './rules/applied-again';
import { certificates } from './rules/certificates';
import { environment } from './rules/environment';
import { fields } from './rules/fields';
import { images } from './rules/images';
import { ingress } from './rules/ingress';
import { job } from './rules/job';
import { labels } from './rules/labels';
import { lifecycle } from './rules/lifecycle';
import { network } from './rules/network';
import { podSecurity } from './rules/pod-security';
import { references } from './rules/references';
import { resources } from './rules/resources';
import { scaling } from './rules/scaling';
import { secrets } from './rules/secrets';
import { spread } from './rules/spread';
import { stores } from './rules/stores';
import { volumes } from './rules/volumes';
import { type System } from './system';
import { type Workspace } from './workspace';

/** What no schema can see. Each says in words what is wrong; nothing, where all is well. */
export const RULES: Readonly<Record<string, (system: System, workspace: Workspace) => readonly string[]>> = {
  fields,
  'API server': apiServer,
  labels,
  references,
  scaling,
  spread,
  resources,
  lifecycle,
  environment,
  addresses,
  volumes,
  secrets,
  certificates,
  'pod security': podSecurity,
  access,
  network,
  ingress,
  stores,
  job,
  'applied again': appliedAgain,
  images,
};

/** All that the rules find. */
export function problemsOf(system: System, workspace: Workspace): readonly string[] {
  return Object.values(RULES).flatMap((rule) => rule(system, workspace));
}
