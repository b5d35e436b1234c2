import { TcpProxy } from '@token-relay/testing/servers';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from '../app-process';
import { type Account, clientsFile, makeAccounts, post, secret, shared, type Username, usersFile } from '../system';

const DEVELOPMENT = { NODE_ENV: 'development' };

/** What is in front of the system, and in it. */
interface Ways {
  /** Leads to the gateway. Its port is known before any service runs, so that its address can be the issuer. */
  readonly front: TcpProxy;
  /** Leads the services to auth. */
  readonly toAuth: TcpProxy;
}

/** The whole system as a developer serves it: in development, with the demo, its accounts and services that explain. */
export class DemoSystem {
  private constructor(
    readonly auth: AppProcess,
    readonly audit: AppProcess,
    readonly resource: AppProcess,
    readonly gateway: AppProcess,
    readonly accounts: Readonly<Record<Username, Account>>,
    private readonly ways: Ways,
    private readonly folder: string,
  ) {}

  /** @param options what auth is told besides */
  static async start(options: { readonly auth?: Readonly<Record<string, string>> } = {}): Promise<DemoSystem> {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    const ways = { front: await TcpProxy.start(), toAuth: await TcpProxy.start() };
    try {
      return new DemoSystem(...(await startBehind(ways, folder, options.auth)), ways, folder);
    } catch (error) {
      await removed(ways, folder);
      throw error;
    }
  }

  /** Where the console is, and who issues the tokens. */
  get origin(): string {
    return this.ways.front.url;
  }

  get apps(): readonly AppProcess[] {
    return [this.gateway, this.resource, this.audit, this.auth];
  }

  /** Nobody reaches auth any more; it keeps what it has in memory. */
  cutAuthOff(): void {
    this.ways.toAuth.cut();
  }

  letAuthBack(): void {
    this.ways.toAuth.restore();
  }

  /** @returns an access token */
  async login(username: Username): Promise<string> {
    const { password } = this.accounts[username];
    const answer = await post(`${this.origin}/auth/login`, { username, password });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  /** Calls the gateway with a token. */
  call(path: string, token: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.origin}${path}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
    });
  }

  /** @returns the exit codes, gateway's first and auth's last */
  async stop(): Promise<(number | NodeJS.Signals)[]> {
    try {
      return await Promise.all(this.apps.map((app) => app.stop()));
    } finally {
      await removed(this.ways, this.folder);
    }
  }
}

type Parts = readonly [
  auth: AppProcess,
  audit: AppProcess,
  resource: AppProcess,
  gateway: AppProcess,
  accounts: Readonly<Record<Username, Account>>,
];

async function startBehind(
  { front, toAuth }: Ways,
  folder: string,
  forAuth: Readonly<Record<string, string>> | undefined,
): Promise<Parts> {
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const accounts = makeAccounts();
  const secrets = { gateway: secret(), resource: secret(), audit: secret() };
  const verifier = { ...DEVELOPMENT, ...shared(toAuth.url, front.url) };

  const auth = await AppProcess.start('auth', {
    ...DEVELOPMENT,
    ISSUER: front.url,
    USERS_FILE: await file('users.json', await usersFile(Object.values(accounts))),
    CLIENTS_FILE: await file('clients.json', clientsFile(secrets)),
    DEMO: '1',
    ...forAuth,
  });
  toAuth.leadTo(portOf(auth));
  const audit = await AppProcess.start('audit', {
    ...verifier,
    RPC_PORT: '0',
    AUDIT_CLIENT_SECRET: secrets.audit,
    EXPLAIN_CALLS: '1',
  });
  const resource = await AppProcess.start('resource', {
    ...verifier,
    AUDIT_URL: audit.addresses.rpc ?? '',
    RESOURCE_CLIENT_SECRET: secrets.resource,
    EXPLAIN_CALLS: '1',
  });
  const gateway = await AppProcess.start('gateway', {
    ...verifier,
    RESOURCE_URL: resource.url,
    GATEWAY_CLIENT_SECRET: secrets.gateway,
    DEMO: '1',
    DEMO_ACCOUNTS_FILE: await file('demo-accounts.json', JSON.stringify(Object.values(accounts))),
    CONSOLE: '1',
  });
  front.leadTo(portOf(gateway));
  await Promise.all([audit.ready(), resource.ready(), gateway.ready()]);
  return [auth, audit, resource, gateway, accounts];
}

function portOf({ url }: AppProcess): number {
  return Number(new URL(url).port);
}

async function removed({ front, toAuth }: Ways, folder: string): Promise<void> {
  await Promise.all([front.stop(), toAuth.stop()]);
  await rm(folder, { recursive: true, force: true });
}
