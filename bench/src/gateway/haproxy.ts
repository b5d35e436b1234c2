import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Served } from '../harness/served';
import { ISSUER } from './issuer';
import { type Surroundings } from './our-gateway';
import { freePort } from '../harness/programs';
import { started } from './processes';

/** What it verifies with, as `OpenSSL 3.0.19`. */
export function haproxyOpenssl(): string {
  const told = spawnSync('haproxy', ['-vv'], { encoding: 'utf8' }).stdout;
  return /^Running on OpenSSL version : (OpenSSL [\d.]+)/m.exec(told)?.[1] ?? 'another library than OpenSSL';
}

/** HAProxy with one thread in front of the service; with `jwt_verify` as its documentation says, or without. */
export async function startHaproxy(
  label: string,
  { folder, upstream, publicKey }: Surroundings,
  verifies: boolean,
): Promise<Served> {
  const port = await freePort();
  const [config, key] = ['cfg', 'pem'].map((end) => join(folder, `haproxy-${port}.${end}`)) as [string, string];
  await writeFile(key, publicKey);
  await writeFile(
    config,
    `global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend gateway
  bind 127.0.0.1:${port}
${verifies ? jwtRules(key) : ''}
  default_backend service
backend service
  http-reuse always
  server service ${new URL(upstream).host}
`,
  );
  const url = `http://127.0.0.1:${port}`;
  // The probe has no token, and what is refused is no sign that it is ready.
  const probe = verifies ? '/healthz' : '/documents';
  return started({ label, place: 'measured', command: 'haproxy', args: ['-db', '-f', config], url, probe });
}

function jwtRules(key: string): string {
  return `  http-request return status 200 if { path /healthz }
  http-request deny deny_status 401 unless { req.hdr(authorization) -m found }
  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
  http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')
  http-request set-var(txn.aud) http_auth_bearer,jwt_payload_query('$.aud')
  http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')
  http-request set-var(txn.scope) http_auth_bearer,jwt_payload_query('$.scope')
  http-request deny deny_status 401 unless { var(txn.alg) -m str ES256 }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${ISSUER} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str gateway }
  http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(txn.alg,"${key}") -m int 1 }
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 403 unless { var(txn.scope) -m sub documents:read }`;
}
