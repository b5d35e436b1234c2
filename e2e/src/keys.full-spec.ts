import { describeWith, REDIS, TcpProxy } from '@token-relay/testing/servers';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  ACCEPTED,
  askAudit,
  askGateway,
  askResource,
  type Chain,
  makeChain,
  until,
  type Verdict,
  verdicts,
  workingChain,
} from './chain';
import { keyOf, Load } from './load';
import { RedisSystem } from './redis-system';
import { privateValues, sealedRing, storedRing } from './stored-ring';
import { ISSUER } from './system';

const JWKS_MAX_AGE_SECONDS = 2;
/** Until a planned rotation is due, and some time to notice. */
const ROTATED_MS = JWKS_MAX_AGE_SECONDS * 2_000 + 8_000;
const BACK_MS = 8_000;
const LEADER = 'tr:{keys}:leader';
const KEY_REVOKED = ['key_revoked', 'key_revoked', 'key_revoked'];

/** Figures, for whoever runs it. */
const report = (text: string): void => void process.stderr.write(`${text}\n`);

interface Report {
  readonly keys: readonly { readonly kid: string; readonly algorithm: string; readonly state: string }[];
  readonly rotation?: { readonly kid: string; readonly dueAt: string };
}

/** What an operator does, and what is seen of it. */
class Keys {
  /** All that was answered. */
  readonly answers: string[] = [];
  /** What is private of any key that there was. */
  readonly secrets = new Set<string>();

  constructor(private readonly system: RedisSystem) {}

  /** By the gateway, as an administrator. */
  async ask(method: 'GET' | 'POST', path: string, body?: object): Promise<{ status: number; body: Report }> {
    const headers = { authorization: `Bearer ${await this.system.login('admin')}`, 'content-type': 'application/json' };
    await this.note();
    const url = `${this.system.gateway.url}/admin/${path}`;
    const answer = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    this.answers.push(text);
    await this.note();
    return { status: answer.status, body: JSON.parse(text) as Report };
  }

  /** Has another key sign; resolves with it once it does. */
  async rotate(alg: string): Promise<{ kid: string; alg: string }> {
    const asked = await this.ask('POST', 'keys/rotate', { alg });
    expect(asked.status).toBe(202);
    // At once, where the next key was published long enough ago.
    const kid = asked.body.rotation?.kid ?? asked.body.keys.find(({ state }) => state === 'active')?.kid ?? '';
    await until(ROTATED_MS, () => this.active(), kid);
    return { kid, alg };
  }

  /** The key that signs, by what is stored. */
  async active(): Promise<string> {
    return (await this.note()).find(({ state }) => state === 'active')?.kid ?? '';
  }

  /** What each auth publishes. */
  published(): Promise<string[][]> {
    return Promise.all(
      this.system.auths.map(async ({ url }) => {
        const text = await (await fetch(`${url}/.well-known/jwks.json`)).text();
        this.answers.push(text);
        return (JSON.parse(text) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
      }),
    );
  }

  async note() {
    const { keys } = await storedRing(this.system);
    for (const value of privateValues(keys)) this.secrets.add(value);
    return keys;
  }

  /** Works on what is stored, without a token. */
  async breakGlass(...args: string[]): Promise<Report> {
    const cli = resolve(__dirname, '../../apps/auth/dist/keys/cli.js');
    const env = {
      PATH: process.env.PATH,
      ISSUER,
      REDIS_URL: this.system.redis.url,
      KEY_ENCRYPTION_KEY: this.system.keyEncryptionKey,
      JWKS_MAX_AGE_SECONDS: String(JWKS_MAX_AGE_SECONDS),
    };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [cli, ...args], { env, timeout: 20_000 });
    this.answers.push(stdout, stderr);
    await this.note();
    return JSON.parse(stdout) as Report;
  }
}

const signedBy = ({ login, resource, audit }: Chain): string[] => [login, resource, audit].map(keyOf);

/** A chain of which each token was signed by the key that signs now. */
async function chainOf(system: RedisSystem, kid: string): Promise<Chain> {
  for (const deadline = performance.now() + BACK_MS; performance.now() < deadline;) {
    const chain = await makeChain(system);
    if (signedBy(chain).every((key) => key.endsWith(` ${kid}`))) return chain;
  }
  throw new Error(`not every auth signs with ${kid}`);
}

/** How long each service takes until it says this of the token that it gets, in milliseconds from now. */
async function refusedAfter(system: RedisSystem, chain: Chain, codes: readonly Verdict[]) {
  const begun = performance.now();
  const ask = [
    () => askGateway(system, chain.login),
    () => askResource(system, chain.resource),
    () => askAudit(system, chain.audit),
  ];
  return Promise.all(
    ask.map(async (look, i) => {
      await until(1_000, look, codes[i]);
      return Math.round(performance.now() - begun);
    }),
  );
}

describeWith(REDIS)('the keys of a system that is in use', () => {
  let system: RedisSystem;
  let keys: Keys;
  let old: Chain;

  beforeAll(async () => {
    system = await RedisSystem.start({
      auth: { JWKS_MAX_AGE_SECONDS: String(JWKS_MAX_AGE_SECONDS) },
      overhears: true,
    });
    keys = new Keys(system);
    old = await workingChain(system, BACK_MS);
    await keys.note();
  });
  afterAll(() => system.stop());

  it('rotate five times in a minute of load, to every algorithm, and no request fails', async () => {
    const load = await Load.start(system, { users: ['alice', 'bob', 'carol'], perSecond: 100, renewMs: 10_000 });
    const used = [keyOf(old.login)];
    const begun = performance.now();
    try {
      for (const [i, alg] of ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES256'].entries()) {
        const { kid } = await keys.rotate(alg);
        used.push(`${alg} ${kid}`);
        // What every auth issues from now on, and what it exchanges, is signed by this one.
        const chain = await chainOf(system, kid);
        expect(signedBy(chain)).toEqual(Array(3).fill(`${alg} ${kid}`));
        expect(await verdicts(system, chain)).toEqual(ACCEPTED);
        expect(await verdicts(system, old)).toEqual(ACCEPTED);
        await sleep((i + 1) * 11_000 - (performance.now() - begun));
      }
      await sleep(60_000 - (performance.now() - begun));
    } finally {
      await load.stop();
    }
    report(`rotation: ${load.figures}`);
    expect(load.failures).toEqual([]);
    expect(Object.keys(load.statuses)).toEqual(['200']);
    expect(load.requests).toBeGreaterThan(5_000);
    // Calls with tokens of each of them, and of no other.
    expect(new Set(used).size).toBe(6);
    expect([...load.keys].sort()).toEqual(used.sort());
    const [first, ...others] = await keys.published();
    expect(first).toHaveLength(7);
    for (const other of others) expect(other).toEqual(first);
  });

  it('that leak are refused everywhere at once, and whoever logs in again goes on', async () => {
    const kid = await keys.active();
    const leaked = await chainOf(system, kid);
    // An earlier login, which has been exchanged by the key that leaks.
    const mixed = { ...old, resource: await exchanged(old), audit: leaked.audit };
    expect(keyOf(mixed.resource)).toContain(kid);
    expect(await verdicts(system, leaked)).toEqual(ACCEPTED);
    expect(await verdicts(system, mixed)).toEqual(ACCEPTED);

    const load = await Load.start(system, { users: ['alice', 'bob', 'carol'], perSecond: 100, renewMs: 60_000 });
    try {
      await sleep(2_000);
      const begun = performance.now();
      const answer = keys.ask('POST', `keys/${kid}/compromise`, { reason: 'found in a log' });
      const { status, body } = await answer;
      const answeredAfter = Math.round(performance.now() - begun);
      const refused = await refusedAfter(system, leaked, KEY_REVOKED);
      report(`compromise: answered after ${answeredAfter} ms, then refused everywhere after ${refused.join(', ')} ms`);
      expect(status).toBe(200);
      expect(body.keys.find((key) => key.kid === kid)?.state).toBe('compromised');
      const isPublished = async () => (await keys.published()).flat().includes(kid);
      await until(1_000, isPublished, false);
      report(`compromise: in no JWKS after ${Math.round(performance.now() - begun - answeredAfter)} ms`);
      expect(await askResource(system, mixed.resource)).toBe('key_revoked');
      await sleep(3_000);
    } finally {
      await load.stop();
    }
    report(`compromise: ${load.figures}`);
    expect(load.failures).toEqual([]);
    expect(Object.keys(load.statuses).sort()).toEqual(['200', '401']);
    expect(await verdicts(system, leaked)).toEqual(KEY_REVOKED);
    // Earlier keys are as good as they were: alone, and with what is exchanged anew for their tokens.
    expect(await verdicts(system, old)).toEqual(ACCEPTED);
    const { status } = await fetch(`${system.gateway.url}/api/whoami`, {
      headers: { authorization: `Bearer ${old.login}` },
    });
    expect(status).toBe(200);
    expect(new Set(await keys.published().then((sets) => sets.map(String))).size).toBe(1);
    for (const auth of system.auths) expect((await system.tryLogin(auth.url, 'alice')).status).toBe(200);
  });

  async function exchanged({ login }: Chain): Promise<string> {
    return (await system.exchange('gateway', login, 'resource')).body.access_token ?? '';
  }

  it('are fetched, and refused, by a service that reads from Redis as well', async () => {
    const proxy = await TcpProxy.start(...system.auths.map(({ url }) => Number(new URL(url).port)));
    proxy.overhear();
    try {
      const resource = await system.start('resource', { REVOCATIONS_URL: system.redis.url, AUTH_URL: proxy.url });
      await resource.ready();
      const says = (chain: Chain) => askResource({ resource }, chain.resource);
      const said = () => proxy.overheard.map(({ asked }) => asked).join('\n');
      const count = () => said().split('GET /.well-known/jwks.json').length - 1;
      const chain = await chainOf(system, await keys.active());
      expect(await says(chain)).toBe(200);
      // Fetches keep a gap of two seconds.
      await sleep(2_000);
      const before = count();
      const { kid } = await keys.rotate('PS256');
      expect(count()).toBeGreaterThan(before);
      const next = await chainOf(system, kid);
      expect(await says(next)).toBe(200);
      const { status } = await keys.ask('POST', `keys/${kid}/compromise`, { reason: 'a test' });
      expect(status).toBe(200);
      await until(1_000, () => says(next), 'key_revoked');
      expect(await says(chain)).toBe(200);
      expect(await says(await workingChain(system, BACK_MS))).toBe(200);
      expect(await resource.stop()).toBe(0);
    } finally {
      await proxy.stop();
    }
  });

  it('are the same when every auth was restarted, and so is what they have signed', async () => {
    const chain = await chainOf(system, await keys.active());
    const before = await keys.published();
    // So that the gateway has a token for resource.
    expect(await verdicts(system, chain)).toEqual(ACCEPTED);
    expect(await Promise.all(system.auths.map((auth) => auth.stop()))).toEqual([0, 0]);
    expect(await verdicts(system, chain)).toEqual(ACCEPTED);
    await Promise.all(system.auths.map((_, i) => system.startAuth(i)));
    system.leadToAuths();
    expect(await keys.published()).toEqual(before);
    await system.reconnect();
    expect(await verdicts(system, chain)).toEqual(ACCEPTED);
    expect(await verdicts(system, { ...chain, resource: await exchanged(chain) })).toEqual(ACCEPTED);
    expect(keyOf((await makeChain(system)).login)).toBe(keyOf(chain.login));
  });

  it('are all refused at once by whoever has the store, without a token', async () => {
    const listed = await keys.breakGlass('list');
    expect(listed.keys.map(({ kid }) => kid)).toEqual((await keys.note()).map(({ kid }) => kid));
    const chains = [old, await workingChain(system, BACK_MS)];
    const load = await Load.start(system, { users: ['alice', 'bob'], perSecond: 20, renewMs: 60_000 });
    try {
      const begun = performance.now();
      await keys.breakGlass('compromise', '--all', '--reason', 'test');
      const took = Math.round(performance.now() - begun);
      const refused = await Promise.all(chains.map((chain) => refusedAfter(system, chain, KEY_REVOKED)));
      report(`break-glass: done after ${took} ms, refused everywhere after ${refused.flat().join(', ')} ms more`);
      const after = await makeChain(system);
      expect(await verdicts(system, after)).toEqual(ACCEPTED);
      await sleep(3_000);
    } finally {
      await load.stop();
    }
    report(`break-glass: ${load.figures}`);
    expect(load.failures).toEqual([]);
    for (const published of await keys.published()) {
      expect(published).toHaveLength(2);
      expect(published.filter((kid) => listed.keys.some((key) => key.kid === kid))).toEqual([]);
    }
  });

  it('are in no answer, in nothing that is sent or logged, and in nothing that is stored', async () => {
    await keys.note();
    expect(keys.secrets.size).toBeGreaterThan(20);
    const said = system.proxies.flatMap(({ overheard }) =>
      overheard.flatMap(({ asked, answered }) => [asked, answered]),
    );
    const logged = system.started.flatMap(({ lines }) => lines);
    const stored = await system.withRedis(async (redis) => {
      const names = await redis.keys('*');
      const dumps = await Promise.all(
        names.map(async (name) => {
          const read = {
            string: () => redis.get(name),
            hash: () => redis.hgetall(name),
            set: () => redis.smembers(name),
            zset: () => redis.zrange(name, '0', '-1'),
            stream: () => redis.xrange(name, '-', '+'),
            list: () => redis.lrange(name, 0, -1),
          }[await redis.type(name)];
          return `${name} ${JSON.stringify(await read?.())}`;
        }),
      );
      expect(names).toContain('tr:{keys}:ring');
      return dumps;
    });
    const everything = [...keys.answers, ...said, ...logged, ...stored].join('\n');
    // What is public is found: it was said, and can be read.
    for (const { kid, jwks } of await keys.note()) if (jwks) expect(everything).toContain(jwks.public.x ?? kid);
    const forms = [...keys.secrets].flatMap((value) => {
      const bytes = Buffer.from(value, 'base64url');
      return [value, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')];
    });
    const found = [...forms, system.keyEncryptionKey, 'PRIVATE KEY'].filter((form) => everything.includes(form));
    expect(found.length).toBe(0);
    expect(everything).not.toMatch(/\\?"(d|p|q|dp|dq|qi|k)\\?":\s*\\?"/);
  });
});

describeWith(REDIS)('three auths that share their keys', () => {
  let system: RedisSystem;
  let keys: Keys;

  beforeAll(async () => {
    system = await RedisSystem.start({ auths: 3, auth: { JWKS_MAX_AGE_SECONDS: String(JWKS_MAX_AGE_SECONDS) } });
    keys = new Keys(system);
  });
  afterAll(() => system.stop());

  it.each([
    // An RSA key takes a while to be made.
    [0, 'in the middle of it, while it leads', 'RS256'],
    [1, 'when it is due, whoever leads', 'EdDSA'],
    [2, 'in the middle of it, while it leads', 'PS256'],
  ])('one (%i) is killed %s: the rotation comes to its end, and no token is refused', async (i, how, alg) => {
    const others = [0, 1, 2].filter((j) => j !== i);
    const leads = how.includes('leads') && !how.includes('whoever');
    const tokens = new TokensOf(system);
    try {
      // Of the rotation before.
      await until(BACK_MS, () => leader(), null);
      const { status, body } = await keys.ask('POST', 'keys/rotate', { alg });
      expect(status).toBe(202);
      await sleep(Date.parse(body.rotation?.dueAt ?? '') - Date.now() - (leads ? 600 : 0));
      if (leads) {
        for (const j of others) system.auth(j).signal('SIGSTOP');
        await system.withRedis(async (redis) => {
          while ((await redis.get(LEADER)) === null);
        });
      }
      system.auth(i).signal('SIGKILL');
      await system.auth(i).exited();
      for (const j of others) system.auth(j).signal('SIGCONT');
      const active = (await storedRing(system)).keys.filter(({ state }) => state === 'active');
      report(`killed ${i}: ${active[0]?.kid === body.rotation?.kid ? 'after' : 'before'} the promotion`);
      await until(ROTATED_MS, () => keys.active(), body.rotation?.kid);
      await system.startAuth(i);
      system.leadToAuths();
      await until(1_000, async () => new Set((await keys.published()).map(String)).size, 1);
      const states = (await storedRing(system)).keys.map(({ state }) => state);
      expect(states.filter((state) => state === 'active')).toHaveLength(1);
      expect(states.filter((state) => state === 'pending')).toHaveLength(1);
      const { length } = tokens.all;
      await until(BACK_MS, () => Promise.resolve(tokens.all.length > length + 3), true);
    } finally {
      await tokens.stop();
    }
    report(`killed ${i}: ${tokens.all.length} tokens, asked ${tokens.asked} times`);
    expect(tokens.wrong).toEqual([]);
    expect(tokens.asked).toBeGreaterThan(100);
    expect(tokens.all.map(keyOf)).toContain(`${alg} ${await keys.active()}`);
  });

  function leader(): Promise<string | null> {
    return system.withRedis((redis) => redis.get(LEADER));
  }
});

/** Tokens that every auth issues all the time, and that resource is asked for again and again, all of them. */
class TokensOf {
  readonly all: string[] = [];
  readonly wrong: string[] = [];
  asked = 0;
  #over = false;
  readonly #ended: Promise<unknown>;

  constructor(private readonly system: RedisSystem) {
    this.#ended = Promise.all([...system.auths.keys()].map((i) => this.#issue(i)).concat(this.#ask()));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#ended;
  }

  async #issue(i: number): Promise<void> {
    while (!this.#over) {
      const token = await this.#tokenOf(i);
      if (token !== undefined) {
        this.all.push(token);
        await this.#askFor(token);
      }
      await sleep(200);
    }
  }

  /** None of one that has been killed, or that was stopped for longer than its store may take: it decides nothing. */
  async #tokenOf(i: number): Promise<string | undefined> {
    try {
      const login = await this.system.tryLogin(this.system.auth(i).url, 'alice');
      if (login.status === 503) return undefined;
      const { access_token: subject = '' } = (await login.json()) as { access_token?: string };
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: subject,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: 'resource',
      };
      const exchanged = await this.system.askAuth(i, '/oauth/token', 'gateway', form);
      if (exchanged.status === 503) return undefined;
      const answer = (await exchanged.json()) as { access_token?: string };
      if (answer.access_token === undefined) this.wrong.push(`no token: ${JSON.stringify(answer)}`);
      return answer.access_token;
    } catch {
      return undefined;
    }
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      for (const token of this.all.slice()) await this.#askFor(token);
      await sleep(10);
    }
  }

  async #askFor(token: string): Promise<void> {
    const verdict = await askResource(this.system, token);
    this.asked++;
    if (verdict !== 200) this.wrong.push(`${keyOf(token)}: ${verdict}`);
  }
}

describeWith(REDIS)('another key of encryption', () => {
  let system: RedisSystem;
  const kek = () => randomBytes(32).toString('base64');

  beforeAll(async () => {
    system = await RedisSystem.start();
  });
  afterAll(() => system.stop());

  it('comes by a rolling update, and nobody notices; the old one is of no use then', async () => {
    const [first, second] = [system.keyEncryptionKey, kek()];
    const chain = await workingChain(system, BACK_MS);
    const kids = await kidsAt(0);
    const logins = new Logins(system);
    const rollOut = async (more: Record<string, string>): Promise<void> => {
      for (const i of system.auths.keys()) {
        await logins.pause(i);
        expect(await system.auth(i).stop()).toBe(0);
        await system.startAuth(i, more);
        system.leadToAuths();
        expect(await kidsAt(i)).toEqual(kids);
        logins.goOn(i);
      }
    };
    try {
      await rollOut({ KEY_DECRYPTION_KEYS: second });
      await rollOut({ KEY_ENCRYPTION_KEY: second, KEY_DECRYPTION_KEYS: first });
      await until(BACK_MS, () => opens(second), true);
      await rollOut({ KEY_ENCRYPTION_KEY: second });
    } finally {
      await logins.stop();
    }
    report(`another key of encryption: ${logins.count} logins`);
    expect(logins.wrong).toEqual([]);
    expect([await opens(first), await opens(second)]).toEqual([false, true]);
    const ring = await storedRing(system, second);
    expect(ring.keys.map(({ kid }) => kid)).toEqual(kids);
    // Once, and not by each auth for itself.
    expect(ring.history.filter(({ what }) => what === 'resealed')).toHaveLength(1);
    expect(await verdicts(system, chain)).toEqual(ACCEPTED);
    await workingChain(system, BACK_MS);
  });

  it('that is wrong is refused at the start by its name, and changes nothing', async () => {
    const before = await sealedRing(system);
    await expect(system.startAuth(0, { KEY_ENCRYPTION_KEY: kek() })).rejects.toThrow(
      /^auth ended with 1:[^]*KEY_ENCRYPTION_KEY/,
    );
    expect(await sealedRing(system)).toEqual(before);
  });

  async function kidsAt(i: number): Promise<string[]> {
    const answer = await fetch(`${system.auth(i).url}/.well-known/jwks.json`);
    return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  }

  function opens(keyEncryptionKey: string): Promise<boolean> {
    return storedRing(system, keyEncryptionKey).then(
      () => true,
      () => false,
    );
  }
});

/** Logs in at each auth all the time, but for those that are being restarted. */
class Logins {
  count = 0;
  readonly wrong: string[] = [];
  readonly #paused = new Set<number>();
  readonly #underWay = new Map<number, Promise<void>>();
  readonly #ended: Promise<unknown>;
  #over = false;

  constructor(private readonly system: RedisSystem) {
    this.#ended = Promise.all([...system.auths.keys()].map((i) => this.#repeat(i)));
  }

  /** Resolves when nobody is logging in there any more. */
  async pause(i: number): Promise<void> {
    this.#paused.add(i);
    await this.#underWay.get(i);
  }

  goOn(i: number): void {
    this.#paused.delete(i);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#ended;
  }

  async #repeat(i: number): Promise<void> {
    while (!this.#over) {
      if (!this.#paused.has(i)) {
        const login = this.#login(i).catch((error: unknown) => void this.wrong.push(`${i}: ${String(error)}`));
        this.#underWay.set(i, login);
        await login;
      }
      await sleep(50);
    }
  }

  async #login(i: number): Promise<void> {
    const { status } = await this.system.tryLogin(this.system.auth(i).url, 'alice');
    this.count++;
    if (status !== 200) this.wrong.push(`${i}: ${status}`);
  }
}
