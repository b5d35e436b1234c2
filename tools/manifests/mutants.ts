import { access } from './mutants/access';
import { addresses } from './mutants/addresses';
import { apiServer } from './mutants/api-server';
import { appliedAgain } from './mutants/applied-again';
import { certificates } from './mutants/certificates';
import { type Row } from './mutants/change';
import { environment } from './mutants/environment';
import { fields } from './mutants/fields';
import { images } from './mutants/images';
import { ingress } from './mutants/ingress';
import { job } from './mutants/job';
import { labels } from './mutants/labels';
import { lifecycle } from './mutants/lifecycle';
import { network } from './mutants/network';
import { podSecurity } from './mutants/pod-security';
import { references } from './mutants/references';
import { resources } from './mutants/resources';
import { scaling } from './mutants/scaling';
import { secrets } from './mutants/secrets';
import { spread } from './mutants/spread';
import { stores } from './mutants/stores';
import { volumes } from './mutants/volumes';

/** By rule: changes for the worse, and what the rule says of each. */
export const MUTANTS: Readonly<Record<string, readonly Row[]>> = {
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
