// What a list of revocations costs: heap an entry, and time a check, against an empty list; and a warm verification. Runs on what was built
// (npx nx run-many -t build), and prints the tables of docs/revocation.md.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const require = createRequire(import.meta.url);
const { RevocationList } = require('../libs/jwt-guard/dist/revocation/revocation-list.js');
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');

const ISSUER = 'https://issuer.example';
const ENTRIES = 100_000;
const PRINCIPALS = 10_000;
const ROUNDS = 15;
const CHECKS = 1_000_000;
const until = Math.floor(Date.now() / 1000) + 3_600;

const kinds = {
  jti: () => ({ kind: 'jti', value: randomUUID(), until }),
  sid: () => ({ kind: 'sid', value: randomUUID(), until }),
  sub: () => ({ kind: 'sub', value: randomUUID(), epoch: 1, until }),
};
const mixed = (i) => Object.values(kinds)[i % 3]();
const rows = [
  ['none', 0, kinds.jti],
  ['100,000 tokens', ENTRIES, kinds.jti],
  ['100,000 tokens, sessions and users', ENTRIES, mixed],
];

console.log(`Node ${process.version}, ${cpus()[0].model}\n`);
console.log('| entries | heap an entry | a check of a token that is not revoked | of one that is |');
console.log('| --- | --- | --- | --- |');
for (const [name, size, kind] of rows) {
  const { list, bytes, revoked } = filled(size, kind);
  const good = Array.from({ length: PRINCIPALS }, () => principal({}));
  const bad = size === 0 ? [] : revoked.map((entry) => principal(claimOf(entry)));
  const cells = [size ? `${Math.round(bytes)} bytes` : '–', time(list, good, false), time(list, bad, true)];
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}

function filled(size, kind) {
  const list = new RevocationList({ issuer: ISSUER });
  gc();
  const before = process.memoryUsage().heapUsed;
  // As off the wire: each text is one of its own.
  for (let i = 0; i < size; i++) list.add(JSON.parse(JSON.stringify(kind(i))));
  gc();
  const bytes = (process.memoryUsage().heapUsed - before) / Math.max(1, size);
  if (list.size !== size) throw new Error('the list does not hold what was added');
  const step = Math.max(1, Math.floor(size / PRINCIPALS));
  return { list, bytes, revoked: [...list.entries()].filter((_, i) => i % step === 0) };
}

function claimOf({ kind, value }) {
  return kind === 'sub' ? { sub: value, sub_epoch: 0 } : { [kind]: value };
}

/** As of a token that was exchanged twice. */
function principal(own) {
  const claims = {
    iss: ISSUER,
    sub: randomUUID(),
    jti: randomUUID(),
    sid: randomUUID(),
    sub_epoch: 1,
    iat: until - 3_600,
    origin_jti: randomUUID(),
    origin_kid: 'key-1',
    origin_iat: until - 3_700,
    via_jti: [randomUUID()],
    ...own,
  };
  const { iss: issuer, sub: subject, jti: tokenId, sid: sessionId } = claims;
  return { issuer, subject, tokenId, sessionId, keyId: 'key-1', claims };
}

/** The median of the rounds. */
function time(list, principals, expected) {
  if (principals.length === 0) return '–';
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < CHECKS; i++) {
      if (list.isRevoked(principals[i % principals.length]) !== expected) throw new Error('a wrong verdict');
    }
    return Number(process.hrtime.bigint() - start) / CHECKS;
  });
  return `${Math.round(rounds.sort((a, b) => a - b)[ROUNDS >> 1])} ns`;
}

// What a request pays: a token that was verified before, against a source in which nothing is new.
const { RevocationCopy, TokenVerifier } = require('../libs/jwt-guard/dist/index.js');
const { TestIssuer } = require('../libs/testing/dist/index.js');
const issuer = await TestIssuer.create({ audience: 'documents' });
const tokens = [];
for (let i = 0; i < 1_000; i++) tokens.push(await issuer.token({ jti: randomUUID(), sid: randomUUID() }));

console.log('\n| source | a warm verification |');
console.log('| --- | --- |');
for (const size of [undefined, 0, ENTRIES]) {
  const revocation = new RevocationCopy({ issuer: issuer.issuer });
  revocation.merge(Array.from({ length: size ?? 0 }, kinds.jti));
  revocation.completeAsOf(0);
  const { issuer: name, jwks } = issuer;
  const verifier = TokenVerifier.create({
    issuers: [{ issuer: name, audience: 'documents', algorithms: ['ES256'], jwks }],
    ...(size !== undefined && { revocation }),
  });
  for (const token of tokens) await verifier.verify(token);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < CHECKS / 4; i++) verifier.recall(tokens[i % tokens.length]);
    return Number(process.hrtime.bigint() - start) / (CHECKS / 4);
  });
  const median = rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  console.log(`| ${size === undefined ? 'none' : `${size.toLocaleString('en')} entries`} | ${Math.round(median)} ns |`);
}
