import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ISSUER } from '../harness/accounts';
import { startHaproxy } from '../harness/haproxy';
import { type Served } from '../harness/served';
import { type Surroundings } from './our-gateway';

/** HAProxy in front of the service; with `jwt_verify` as its documentation says, or without. */
export async function haproxyBefore(
  label: string,
  { folder, upstream, publicKey }: Surroundings,
  verifies: boolean,
): Promise<Served> {
  const key = join(folder, 'haproxy.pem');
  await writeFile(key, publicKey);
  return startHaproxy({
    label,
    place: 'measured',
    rules: [
      ...(verifies ? jwtRules(key) : []),
      'default_backend service',
      'backend service',
      'http-reuse always',
      `server service ${new URL(upstream).host}`,
    ],
    // The probe has no token, and what is refused is no sign that it is ready.
    probe: verifies ? '/healthz' : '/documents',
  });
}

function jwtRules(key: string): string[] {
  return [
    'http-request return status 200 if { path /healthz }',
    'http-request deny deny_status 401 unless { req.hdr(authorization) -m found }',
    "http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')",
    "http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')",
    "http-request set-var(txn.aud) http_auth_bearer,jwt_payload_query('$.aud')",
    "http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')",
    "http-request set-var(txn.scope) http_auth_bearer,jwt_payload_query('$.scope')",
    'http-request deny deny_status 401 unless { var(txn.alg) -m str ES256 }',
    `http-request deny deny_status 401 unless { var(txn.iss) -m str ${ISSUER} }`,
    'http-request deny deny_status 401 unless { var(txn.aud) -m str gateway }',
    `http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(txn.alg,"${key}") -m int 1 }`,
    'http-request set-var(txn.now) date()',
    'http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }',
    'http-request deny deny_status 403 unless { var(txn.scope) -m sub documents:read }',
  ];
}
