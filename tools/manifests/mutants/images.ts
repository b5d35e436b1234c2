import { at, inContainer, JOB, type Row, workload } from './change';

export const images: readonly Row[] = [
  [
    'an image that is named elsewhere',
    inContainer('auth', 'image', 'token-relay/auth:0.2.0'),
    /Deployment auth has an image of its own.*token-relay\/auth:\S+ is used by nobody/,
  ],
  [
    'the image of another app',
    (system) => {
      const { container } = workload(system, 'auth');
      container.image = workload(system, 'audit').container.image ?? '';
    },
    /Deployment auth runs another app/,
  ],
  [
    'the Job of another version',
    at('Job', JOB, 'metadata/name', 'bootstrap-0-0-9'),
    /bootstrap-0-0-9 is of another version/,
  ],
  ['an image of a registry', inContainer('auth', 'imagePullPolicy'), /Deployment auth is not pulled Never/],
  [
    'an image that is always pulled',
    inContainer('redis', 'imagePullPolicy', 'Always'),
    /redis is not pulled by default/,
  ],
];
