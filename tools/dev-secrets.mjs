// Makes, once, what the system needs to run on a developer's machine: clients with their secrets, and demo accounts
// with passwords of their own. All of it lands in .dev/, which git ignores; production refuses every piece.
import argon2 from 'argon2';
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Begins every generated secret: production refuses what begins so. */
const GENERATED = 'dev-only-';
/** Who may ask for what, and who can log in: the same as in a system that `apps/bootstrap` has made the secrets of. */
const POLICIES = JSON.parse(await readFile(new URL('../apps/bootstrap/src/policies.json', import.meta.url), 'utf8'));
const SERVICES = POLICIES.services;
const { accounts: ACCOUNTS, clients: DEMO_CLIENTS } = POLICIES.demo;
const ARGON2ID = { type: argon2.argon2id, ...POLICIES.argon2id };

const CLIENTS_FILE = 'clients.json';
const FILES = ['secrets.env', 'users.json', 'demo-accounts.json', CLIENTS_FILE];
const target = resolve(process.argv[2] ?? '.dev');

const missing = FILES.filter((name) => !existsSync(join(target, name)));
if (missing.length === 0 && isUpToDate(JSON.parse(await read(CLIENTS_FILE)))) {
  console.log(`${target} is there already: nothing to do`);
} else if (missing.length === 0 || missing.join() === CLIENTS_FILE) {
  await upgrade();
  console.log(`${target} is from before clients and accounts were what they are now: changed that, kept its secrets`);
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
  const secrets = Object.fromEntries(SERVICES.map(({ id }) => [id, secret()]));

  // All or nothing, also for two who begin at once: a folder beside it that gets the name when it is whole.
  await mkdir(resolve(target, '..'), { recursive: true });
  const draft = await mkdtemp(`${target}-`);
  const write = (name, content) => writeFile(join(draft, name), content, { mode: 0o600 });
  await write('secrets.env', environment(secrets));
  await write(CLIENTS_FILE, json(clientsFile(secrets)));
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

/**
 * Brings a set to what one is now: secrets, accounts and whatever was added to them stay. Several who begin at once
 * write the same, and the file that says that it is done comes last.
 */
async function upgrade() {
  const clients = existsSync(join(target, CLIENTS_FILE)) ? JSON.parse(await read(CLIENTS_FILE)) : await firstClients();
  const withScopes = (account) => {
    const demo = ACCOUNTS.find(({ username }) => username === account.username);
    return { ...account, scopes: joined(account.scopes, demo?.scopes) };
  };
  const users = JSON.parse(await read('users.json'));
  await replace('users.json', json({ ...users, users: users.users.map(withScopes) }));
  await replace('demo-accounts.json', json(JSON.parse(await read('demo-accounts.json')).map(withScopes)));
  await replace(CLIENTS_FILE, json({ ...clients, clients: brought(clients.clients) }));
}

/** For a set that was made when auth knew its clients by heart. */
async function firstClients() {
  const text = await read('secrets.env');
  const secretOf = (id) => new RegExp(`^${id.toUpperCase()}_CLIENT_SECRET=(.+)$`, 'm').exec(text)?.[1];
  const secrets = { gateway: secretOf('gateway'), resource: secretOf('resource') };
  if (!secrets.gateway || !secrets.resource) {
    throw new Error(`${target}/secrets.env lacks a secret: delete the folder, and start again`);
  }
  // Out of one that there is: chance would give each of several who begin at once another.
  const derived = createHmac('sha256', secrets.gateway).update('audit').digest('base64url');
  secrets.audit = secretOf('audit') ?? GENERATED + derived;
  await replace('secrets.env', environment(secrets));
  return clientsFile(secrets);
}

/** By its clients alone: which scopes an account has is its owner's business from then on. */
function isUpToDate({ clients }) {
  return JSON.stringify(clients) === JSON.stringify(brought(clients));
}

/** What clients there were, with what they may ask for now, and those that were not there yet. */
function brought(clients) {
  const missing = DEMO_CLIENTS.filter(({ id }) => !clients.some((client) => client.id === id));
  return [...clients.map(withPolicy), ...missing];
}

/** A service of ours with what it may ask for now, besides what it might before. */
function withPolicy(client) {
  const policy = SERVICES.find(({ id }) => id === client.id);
  if (!policy) return client;
  const audiences = { ...client.audiences };
  for (const [audience, scopes] of Object.entries(policy.audiences)) {
    audiences[audience] = joined(audiences[audience], scopes);
  }
  if (!policy.transactions) return { ...client, audiences };
  const scopes = joined(client.transactions?.scopes, policy.transactions.scopes);
  return { ...client, audiences, transactions: { ...client.transactions, scopes } };
}

function joined(scopes = [], others = []) {
  return [...new Set([...scopes, ...others])];
}

function read(name) {
  return readFile(join(target, name), 'utf8');
}

/** As a whole, whoever reads it meanwhile. */
async function replace(name, content) {
  const draft = join(target, `${name}.${randomUUID()}.tmp`);
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, join(target, name));
}

function environment(secrets) {
  return Object.entries(secrets)
    .map(([id, secret]) => `${id.toUpperCase()}_CLIENT_SECRET=${secret}\n`)
    .join('');
}

function clientsFile(secrets) {
  const services = SERVICES.map(({ id, ...policy }) => ({
    id,
    secrets: [`sha256:${createHash('sha256').update(secrets[id]).digest('base64url')}`],
    ...policy,
  }));
  return { generatedBy: 'dev-secrets', clients: [...services, ...DEMO_CLIENTS] };
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
