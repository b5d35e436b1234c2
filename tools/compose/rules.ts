import { type System } from '../manifests/system';
import { type Workspace } from '../manifests/workspace';
import { type Compose } from './compose';
import { environment } from './rules/environment';
import { hardening } from './rules/hardening';
import { images } from './rules/images';
import { networks } from './rules/networks';
import { stores } from './rules/stores';
import { volumes } from './rules/volumes';

export type ComposeRule = (compose: Compose, base: System, workspace: Workspace) => readonly string[];

/** Whether a compose file is the system that deploy/base is. Each says in words what is wrong; nothing, where all is well. */
export const COMPOSE_RULES: Readonly<Record<string, ComposeRule>> = {
  images,
  environment,
  stores,
  volumes,
  networks,
  hardening,
};
