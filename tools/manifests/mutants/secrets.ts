import { added, configured, inPod, JOB, mountOf, type Row, set, variable, volumeOf, workload } from './change';
import { System } from '../system';

export const secrets: readonly Row[] = [
  [
    "another's certificate",
    (system) => set(volumeOf(system, 'audit', 'tls')?.secret, 'secretName', 'auth-tls'),
    /audit mounts auth-tls, which isn't its own/,
  ],
  [
    "another's records",
    (system) => set(volumeOf(system, 'resource', 'records')?.secret, 'secretName', 'audit-records'),
    /resource mounts audit-records, which isn't its own/,
  ],
  [
    'the CA itself',
    (system) => set(volumeOf(system, 'audit', 'client')?.secret, 'secretName', 'ca'),
    /audit mounts ca, which isn't its own/,
  ],
  [
    'what nobody makes',
    (system) => set(volumeOf(system, 'audit', 'client')?.secret, 'secretName', 'audit-secret'),
    /audit mounts audit-secret, which nobody makes/,
  ],
  [
    'demo accounts without being asked for them',
    (system) => set(volumeOf(system, 'auth', 'auth')?.secret, 'secretName', 'demo-accounts'),
    /auth mounts demo-accounts, which nobody makes/,
  ],
  [
    'certificates that nobody makes any more',
    (system) => void workload(system, JOB).container.command?.push('--without-certificates'),
    /mounts auth-tls, which nobody makes/,
  ],
  [
    'a key that is not in it',
    (system) => set(volumeOf(system, 'auth', 'auth')?.secret, 'items', [{ key: 'kek', path: 'kek' }]),
    /auth mounts kek, which isn't in auth/,
  ],
  [
    'files for everybody',
    (system) => set(volumeOf(system, 'auth', 'auth')?.secret, 'defaultMode', 0o444),
    /auth mounts auth for others to read/,
  ],
  ['files for root alone', inPod('auth', 'securityContext/fsGroup'), /auth can't read auth/],
  ['no certificate', (system) => set(mountOf(system, 'auth', 'tls'), 'mountPath', '/tls'), /auth has no certificate/],
  [
    'a secret in the environment',
    (system) =>
      void workload(system, 'audit').container.env?.push({
        name: 'AUDIT_CLIENT_SECRET',
        valueFrom: { secretKeyRef: { name: 'audit-client', key: 'client-secret' } },
      }),
    /audit has a secret in its environment/,
  ],
  [
    'a whole Secret in the environment',
    (system) => void workload(system, 'audit').container.envFrom?.push({ secretRef: { name: 'audit-client' } }),
    /audit has a secret in its environment/,
  ],
  [
    'a Secret with a value',
    (system) => new System([...system.all, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }]),
    /Secret x stands in a manifest/,
  ],
  ...[
    ['auth', 'KEY_ENCRYPTION_KEY', 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA='],
    ['auth', 'KEY_DECRYPTION_KEYS', ''],
    ['auth', 'REDIS_URL', 'rediss://redis:6379'],
    ['audit', 'AUDIT_CLIENT_SECRET', 'Zp1mXq3sYv7wB2nKd9tRc4gHj6uLe8fA0oPiQ5rS'],
    ['audit', 'RECORDS_URL', 'rediss://records:6379'],
  ].map(([name = '', secret = '', value = '']): Row => [
    `${secret} in clear`,
    variable(name, secret, value),
    new RegExp(`Deployment ${name} has a secret in its environment`),
  ]),
  [
    'a secret for all',
    configured('AUDIT_CLIENT_SECRET', 'Zp1mXq3sYv7wB2nKd9tRc4gHj6uLe8fA0oPiQ5rS'),
    /ConfigMap token-relay has AUDIT_CLIENT_SECRET for everybody/,
  ],
  [
    'a password in a URL',
    variable('audit', 'REVOCATIONS_URL', 'rediss://verifier:x@redis:6379'),
    /Deployment audit has a password in a URL/,
  ],
  [
    'a password without a name',
    configured('ANY', 'see redis://:x@redis, where'),
    /token-relay has a password in a URL/,
  ],
  [
    'a private key',
    added('v1', 'ConfigMap', 'extra', { data: { 'tls.key': '-----BEGIN EC PRIVATE KEY-----\nMHc' } }),
    /ConfigMap extra has .* a private key/,
  ],
];
