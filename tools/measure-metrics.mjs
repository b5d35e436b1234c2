// What metrics cost: a warm verification without an observer, with one that does nothing, and with the one that counts and
// measures; all in one run, as only their ratio says anything. Runs on what was built (npx nx run-many -t build).
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';

const require = createRequire(import.meta.url);
const { TokenVerifier } = require('../libs/jwt-guard/dist/index.js');
const { metricsRegistry, verifierMetrics } = require('../libs/service-kit/dist/index.js');

const VERIFICATIONS = 200_000;
const ROUNDS = 25;
const issuer = 'https://issuer.example';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] };

function token() {
  const now = Math.floor(Date.now() / 1000);
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: issuer, aud: 'api', sub: randomUUID(), client_id: 'c', jti: randomUUID(), scope: 'a b' };
  const input = `${encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })}.${encoded({ ...claims, iat: now, exp: now + 600 })}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const registry = metricsRegistry('measured');
const observers = {
  'no observer': undefined,
  'an observer that does nothing': { verified: () => undefined },
  'the metrics': verifierMetrics(registry),
};
const known = token();
const verifiers = Object.entries(observers).map(([name, observer]) => {
  const options = {
    issuers: [{ issuer, audience: 'api', algorithms: ['ES256'], jwks }],
    ...(observer && { observer }),
  };
  return { name, verifier: TokenVerifier.create(options), times: [] };
});
for (const { verifier } of verifiers) await verifier.verify(known);
for (let round = 0; round < ROUNDS; round++) {
  for (const { verifier, times } of verifiers) {
    const begun = performance.now();
    for (let i = 0; i < VERIFICATIONS; i++) verifier.recall(known);
    times.push(((performance.now() - begun) / VERIFICATIONS) * 1_000_000);
  }
}

const least = verifiers.map(({ times }) => Math.min(...times));
console.log(`Node ${process.version}, ${cpus()[0].model}; the best of ${ROUNDS} rounds\n`);
console.log('| a warm verification with | ns | ratio |');
console.log('| --- | --- | --- |');
verifiers.forEach(({ name }, i) =>
  console.log(`| ${name} | ${Math.round(least[i])} | ${(least[i] / least[0]).toFixed(2)} |`),
);
const begun = performance.now();
const text = await registry.metrics();
console.log(`\nReading them: ${(performance.now() - begun).toFixed(1)} ms, ${text.length} characters`);
