import argon2 from 'argon2';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ISSUER = 'https://issuer.test';
export const SCOPES = ['documents:read', 'documents:write', 'audit:read'];
/** A client on its users' devices, which holds refresh tokens and no secret. */
export const NATIVE_CLIENT = 'phone';

export interface User {
  readonly username: string;
  readonly password: string;
  readonly sub: string;
}

/** Users and clients as the production mode of auth takes them: in files. */
export class Accounts {
  private constructor(
    readonly users: readonly User[],
    /** What the client `gateway` proves with that it is the gateway. */
    readonly secret: string,
    private readonly folder: string,
  ) {}

  static async create(count: number): Promise<Accounts> {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-bench-'));
    const secret = randomBytes(32).toString('base64url');
    // One for all, since each hash takes as long as a login.
    const password = randomBytes(12).toString('base64url');
    const passwordHash = await argon2.hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    const users = Array.from({ length: count }, (_, index) => ({ username: `user-${index}`, sub: randomUUID() }));
    const accounts = users.map((user) => ({ ...user, scopes: SCOPES, passwordHash }));
    await writeFile(join(folder, 'users.json'), JSON.stringify({ users: accounts }));
    await writeFile(join(folder, 'clients.json'), JSON.stringify({ clients: clients(secret) }));
    return new Accounts(
      users.map((user) => ({ ...user, password })),
      secret,
      folder,
    );
  }

  /** What the client `gateway` sends in `Authorization`. */
  get authorization(): string {
    return `Basic ${Buffer.from(`gateway:${this.secret}`).toString('base64')}`;
  }

  get environment(): Readonly<Record<string, string>> {
    return {
      ISSUER,
      USERS_FILE: join(this.folder, 'users.json'),
      CLIENTS_FILE: join(this.folder, 'clients.json'),
    };
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

function clients(secret: string): readonly object[] {
  const hash = createHash('sha256').update(secret).digest('base64url');
  const scopes = ['revocations:read', 'documents:read'];
  return [
    {
      id: 'gateway',
      secrets: [`sha256:${hash}`],
      audiences: { resource: SCOPES, audit: SCOPES },
      scopes,
      transactions: { scopes: SCOPES },
    },
    { type: 'native', id: NATIVE_CLIENT, scopes: SCOPES },
  ];
}
