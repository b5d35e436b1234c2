import { decodeProtectedHeader } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Services } from './chain';
import { type Username } from './system';

export interface LoadOptions {
  /** Who calls: each has a token. */
  readonly users: readonly Username[];
  /** Requests a second, of all of them together. */
  readonly perSecond: number;
  /** After how long each logs in again. */
  readonly renewMs: number;
}

const PATIENCE_MS = 10_000;

/**
 * Clients that call the gateway at a steady pace, however long answers take: for what gateway, resource and audit say of
 * them, so that each verifies a token that was made for it. One that is refused logs in, and tries once more.
 */
export class Load {
  /** How many answers there were of each status, those that a login has mended among them. */
  readonly statuses: Record<string, number> = {};
  /** What was neither answered with 200, nor mended by one login. */
  readonly failures: string[] = [];
  /** Of the tokens that gateway, resource and audit have verified: `<alg> <kid>`. */
  readonly keys = new Set<string>();
  slowestMs = 0;
  #over = false;
  readonly #ended: Promise<unknown>;

  private constructor(
    private readonly system: Services,
    clients: readonly LoadClient[],
    pauseMs: number,
  ) {
    this.#ended = Promise.all(clients.map((client) => this.#run(client, pauseMs)));
  }

  static async start(system: Services, { users, perSecond, renewMs }: LoadOptions): Promise<Load> {
    const clients = users.map((user, i) => new LoadClient(system, user, renewMs * (1 + i / users.length)));
    await Promise.all(clients.map((client) => client.renew()));
    return new Load(system, clients, (1000 * clients.length) / perSecond);
  }

  get requests(): number {
    return Object.values(this.statuses).reduce((sum, count) => sum + count, 0);
  }

  get figures(): string {
    return `${this.requests} requests, the slowest ${Math.round(this.slowestMs)} ms, ${JSON.stringify(this.statuses)}`;
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#ended;
  }

  async #run(client: LoadClient, pauseMs: number): Promise<void> {
    const underWay = new Set<Promise<void>>();
    for (let next = performance.now(); !this.#over; next += pauseMs) {
      await sleep(Math.max(0, next - performance.now()));
      const call = this.#call(client).catch((error: unknown) => void this.failures.push(String(error)));
      underWay.add(call);
      void call.then(() => underWay.delete(call));
    }
    await Promise.all(underWay);
  }

  async #call(client: LoadClient): Promise<void> {
    const token = await client.token();
    const begun = performance.now();
    let answer = await this.#ask(token);
    if (answer.status === 401) answer = await this.#ask(await client.renewedAfter(token));
    this.slowestMs = Math.max(this.slowestMs, performance.now() - begun);
    if (answer.status !== 200) this.failures.push(`${answer.status} ${answer.text}`);
  }

  async #ask(token: string) {
    const response = await fetch(`${this.system.gateway.url}/api/whoami`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    this.statuses[response.status] = (this.statuses[response.status] ?? 0) + 1;
    if (response.ok) {
      const { hops } = JSON.parse(text) as { hops: { alg: string; kid: string }[] };
      for (const { alg, kid } of hops) this.keys.add(`${alg} ${kid}`);
    }
    return { status: response.status, text };
  }
}

class LoadClient {
  #token: Promise<string> | undefined;
  #renewAt = 0;

  constructor(
    private readonly system: Services,
    private readonly user: Username,
    private readonly renewMs: number,
  ) {}

  token(): Promise<string> {
    return this.#token && performance.now() < this.#renewAt ? this.#token : this.renew();
  }

  renew(): Promise<string> {
    this.#renewAt = performance.now() + this.renewMs;
    return (this.#token = this.system.login(this.user));
  }

  /** Another one than this, which was refused: by one login, however many of its calls were. */
  async renewedAfter(refused: string): Promise<string> {
    const current = await this.#token;
    return current !== undefined && current !== refused ? current : this.#renewOnce(refused);
  }

  #renewal: { readonly of: string; readonly token: Promise<string> } | undefined;

  #renewOnce(refused: string): Promise<string> {
    if (this.#renewal?.of !== refused) this.#renewal = { of: refused, token: this.renew() };
    return this.#renewal.token;
  }
}

/** `<alg> <kid>` of the key that has signed it. */
export function keyOf(token: string): string {
  const { alg, kid } = decodeProtectedHeader(token);
  return `${alg} ${kid}`;
}
