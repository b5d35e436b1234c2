// Makes, once, what the system needs to run on a developer's machine: client secrets, and demo accounts with
// passwords of their own. All of it lands in .dev/, which git ignores; production refuses every piece.
import argon2 from 'argon2';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Begins every generated secret: production refuses what begins so. */
const GENERATED = 'dev-only-';
const ARGON2ID = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

const DOCUMENTS = ['documents:read', 'documents:write'];
const ACCOUNTS = [
  { username: 'alice', scopes: DOCUMENTS },
  { username: 'bob', scopes: DOCUMENTS },
  { username: 'carol', scopes: ['documents:read'] },
  { username: 'admin', scopes: [...DOCUMENTS, 'auth:admin', 'audit:read'] },
];

const FILES = ['secrets.env', 'users.json', 'demo-accounts.json'];
const target = resolve(process.argv[2] ?? '.dev');

const missing = FILES.filter((name) => !existsSync(join(target, name)));
if (missing.length === 0) {
  console.log(`${target} is there already: nothing to do`);
} else if (existsSync(target)) {
  console.error(`${target} lacks ${missing.join(', ')}: delete the folder, and start again`);
  process.exitCode = 1;
} else {
  await generate();
  console.log(`made ${target}: client secrets, and the accounts ${ACCOUNTS.map((a) => a.username).join(', ')}`);
}

async function generate() {
  const accounts = ACCOUNTS.map((account) => ({
    ...account,
    password: randomBytes(12).toString('base64url'),
  }));
  const users = await Promise.all(
    accounts.map(async ({ username, scopes, password }) => ({
      sub: randomUUID(),
      username,
      passwordHash: await argon2.hash(password, ARGON2ID),
      scopes,
    })),
  );
  const secret = () => GENERATED + randomBytes(32).toString('base64url');

  // All or nothing, also for two who begin at once: a folder beside it that gets the name when it is whole.
  await mkdir(resolve(target, '..'), { recursive: true });
  const draft = await mkdtemp(`${target}-`);
  const write = (name, content) => writeFile(join(draft, name), content, { mode: 0o600 });
  await write('secrets.env', `GATEWAY_CLIENT_SECRET=${secret()}\nRESOURCE_CLIENT_SECRET=${secret()}\n`);
  await write('users.json', json({ generatedBy: 'dev-secrets', users }));
  await write(
    'demo-accounts.json',
    json(accounts.map(({ username, password, scopes }) => ({ username, password, scopes }))),
  );
  await rename(draft, target).catch(async (error) => {
    await rm(draft, { recursive: true });
    if (!existsSync(target)) throw error;
  });
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
