import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Bench } from '../harness/part';
import { type Served } from '../harness/served';
import { ISSUER } from '../harness/accounts';
import { APPS, freePort } from '../harness/programs';
import { STEADY } from '../harness/rounds';
import { started } from '../harness/started';

export type Mode = 'exchange' | 'transaction' | 'forward' | 'none';

/** Where everything that a contender may need is. */
export interface Surroundings {
  readonly folder: string;
  /** Origin of auth. */
  readonly auth: string;
  /** What the gateway proves with that it is the gateway. */
  readonly secret: string;
  /** Origin of the service behind. */
  readonly upstream: string;
  /** What tokens are signed with, as SPKI PEM. */
  readonly publicKey: string;
}

/** The gateway as it is built, in production mode: it verifies, looks at scopes and revocations, relays, counts and logs. */
export async function startGateway(
  bench: Bench,
  label: string,
  { folder, auth, secret, upstream }: Surroundings,
  mode: Mode,
): Promise<Served> {
  const port = await freePort();
  return started({
    label,
    place: 'measured',
    command: bench.node,
    args: [...STEADY, ...(bench.nodeFlags ?? []), resolve(APPS, 'gateway/dist/main.js')],
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      ISSUER,
      AUTH_URL: auth,
      DANGEROUSLY_ALLOW_HTTP: '1',
      GATEWAY_CLIENT_SECRET: secret,
      RESOURCE_URL: upstream,
      DRAIN_SECONDS: '0',
      ...(await modeSettings(folder, upstream, mode)),
    },
    url: `http://127.0.0.1:${port}`,
    probe: '/readyz',
  });
}

async function modeSettings(folder: string, upstream: string, mode: Mode): Promise<Record<string, string>> {
  if (mode === 'forward') return { RELAY_MODE: mode, DANGEROUSLY_FORWARD: '1' };
  if (mode !== 'none') return { RELAY_MODE: mode };
  const file = join(folder, 'routes.json');
  await writeFile(
    file,
    JSON.stringify({
      destinations: { resource: { url: upstream, audience: 'resource', scopes: ['documents:read'] } },
      routes: [
        {
          prefix: '/api/documents',
          methods: ['GET'],
          destination: 'resource',
          rewrite: '/documents',
          scopes: ['documents:read'],
          mode,
        },
      ],
    }),
  );
  return { ROUTES_FILE: file };
}
