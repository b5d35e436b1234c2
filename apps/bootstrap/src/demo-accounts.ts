import argon2 from 'argon2';
import { randomBytes, randomUUID } from 'node:crypto';
import policies from './policies.json';
import { type Contents, type DEMO_ACCOUNTS } from './secrets';

/** The accounts of the demo with passwords of their own: for auth with their hashes, for people with the passwords. */
export async function makeDemoAccounts(): Promise<Contents<(typeof DEMO_ACCOUNTS.keys)[number]>> {
  const accounts = policies.demo.accounts.map(({ username, scopes }) => ({
    username,
    password: randomBytes(12).toString('base64url'),
    scopes,
  }));
  const users: object[] = [];
  // One after the other: each takes 19 MiB.
  for (const { username, password, scopes } of accounts) {
    const passwordHash = await argon2.hash(password, { type: argon2.argon2id, ...policies.argon2id });
    users.push({ sub: randomUUID(), username, passwordHash, scopes });
  }
  return { 'users.json': json({ users }), 'accounts.json': json(accounts) };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
