import { writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Attacker, type AttackName, type AttackResult, type Outcome } from '../src/console/attacks/attack';
import { AttackSupplies } from '../src/console/attacks/attack-supplies';
import { ATTACKS } from '../src/console/attacks/attacks';
import { FrontDoor } from '../src/console/attacks/front-door';
import { BuiltConsole } from './built-console';
import { GatewayApp, textOf } from './gateway-app';

const ACCOUNTS = [
  { username: 'admin', password: 'p', scopes: ['documents:read', 'auth:admin'] },
  { username: 'carol', password: 'secret-of-carol', scopes: ['documents:read'] },
];
const SUBJECT = '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11';

/** Auth and resource, as far as attacks come to them. */
class Behind {
  readonly received: { readonly line: string; readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  readonly #shown = new Set<string>();
  /** What resource says of the call. */
  hops: object[] = [{ service: 'resource', subject: SUBJECT }];

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    void textOf(request).then((body) => {
      const { method, url = '', headers } = request;
      this.received.push({ line: `${method} ${url}`, headers, body });
      if (url.startsWith('/whoami')) response.end(JSON.stringify({ hops: this.hops }));
      else if (url === '/auth/login') this.session(response, 0);
      else if (url === '/auth/refresh') this.refresh(headers.cookie ?? '', response);
      else if (url === '/demo/expired-token') response.end('{"access_token":"a.b.c"}');
      else response.end('{}');
    });
  };

  /** The successor, or for a cookie that was shown before no more. */
  private refresh(cookie: string, response: ServerResponse): void {
    if (this.#shown.has(cookie)) {
      response.writeHead(401, { 'content-type': 'application/problem+json' });
      response.end('{"code":"session_ended","detail":"The session has ended, or never was: log in again."}');
      return;
    }
    this.#shown.add(cookie);
    this.session(response, this.#shown.size);
  }

  private session(response: ServerResponse, generation: number): void {
    response.setHeader('set-cookie', `__Host-refresh=rt_secret-${generation}; Path=/; HttpOnly; Secure`);
    response.end('{"access_token":"x","token_type":"Bearer"}');
  }
}

describe('the attacks of the console', () => {
  const built = new BuiltConsole();
  let behind: Behind;
  let gateway: GatewayApp;
  let token: string;

  beforeAll(async () => {
    writeFileSync(built.accounts, JSON.stringify(ACCOUNTS));
    gateway = await GatewayApp.start({
      service: (request, response) => behind.answer(request, response),
      environment: built.demo,
      consoleFolder: built.folder,
    });
  });
  beforeEach(async () => {
    behind = new Behind();
    token = await gateway.token({ sub: SUBJECT });
  });
  afterAll(async () => {
    await gateway.stop();
    built.remove();
  });

  const run = (name: string, more: RequestInit = {}) =>
    fetch(`${gateway.url}/console/api/attacks/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      ...more,
    });

  /** With what auth would have given. */
  const attacked = async (name: AttackName, supplies: Partial<Attacker['supplies']> = {}): Promise<Outcome> => {
    const attack = ATTACKS.find((one) => one.name === name);
    if (!attack) throw new Error(`there is no ${name}`);
    const own = gateway.app.get(AttackSupplies, { strict: false });
    const all = {
      keySet: (signal: AbortSignal) => own.keySet(signal),
      tokenForResource: () => gateway.token({ aud: 'resource' }),
      expiredToken: () => {
        const now = gateway.issuer.clock.now();
        return gateway.token({ iat: now - 420, exp: now - 120 });
      },
      account: own.account,
      graceMs: 0,
      ...supplies,
    };
    const door = gateway.app.get(FrontDoor, { strict: false });
    const outcome = await attack.run({ token, door, supplies: all, signal: AbortSignal.timeout(15_000) });
    // Nothing that could be used is shown.
    expect(JSON.stringify(outcome)).not.toContain(token.split('.')[2]);
    return outcome;
  };

  it('are listed for whoever asks, with how they work', async () => {
    const answer = await fetch(`${gateway.url}/console/api/attacks`);
    const { attacks } = (await answer.json()) as { attacks: Record<string, string>[] };
    expect(attacks.map(({ name }) => name).sort()).toEqual([
      'alg-none',
      'expired',
      'foreign-host',
      'hs-rs-confusion',
      'replayed-refresh',
      'spoofed-headers',
      'tampered-claims',
      'unknown-kid',
      'wrong-audience',
    ]);
    for (const { title = '', explanation = '' } of attacks) {
      expect(title.length).toBeGreaterThan(10);
      expect(explanation.length).toBeGreaterThan(50);
    }
  });

  it.each([
    ['alg-none', 401, 'alg_not_allowed'],
    ['hs-rs-confusion', 401, 'alg_not_allowed'],
    ['tampered-claims', 401, 'signature_invalid'],
    ['unknown-kid', 401, 'key_unknown'],
    ['wrong-audience', 401, 'audience_mismatch'],
    ['expired', 401, 'token_expired'],
  ] as const)('%s is refused by this very gateway: %i %s', async (name, status, code) => {
    const { request, response, wasRefused } = await attacked(name);
    expect(response).toMatchObject({ status, code, detail: expect.any(String) as string });
    expect(wasRefused).toBe(true);
    expect(request).toMatchObject({ method: 'GET', path: '/api/whoami' });
    expect(request.headers.authorization).toMatch(/^Bearer eyJ[\w-]+\.eyJ[\w-]+\.…?$/);
    expect(behind.received.filter(({ line }) => line.includes('whoami'))).toEqual([]);
  });

  it('sees it when one gets in', async () => {
    const { response, wasRefused } = await attacked('wrong-audience', { tokenForResource: () => gateway.token() });
    expect(response.status).toBe(200);
    expect(wasRefused).toBe(false);
  });

  it('spoofed-headers is answered, and nothing of it arrives', async () => {
    const { request, response, wasRefused } = await attacked('spoofed-headers');
    expect(response).toEqual({
      status: 200,
      detail: 'Of 9 headers nothing has arrived: gateway, resource know the caller by the token alone.',
    });
    expect(wasRefused).toBe(true);
    expect(Object.keys(request.headers)).toEqual(expect.arrayContaining(['x-user-id', 'txn-token', 'forwarded']));
    const relayed = behind.received.find(({ line }) => line.startsWith('GET /whoami'));
    expect(JSON.stringify(relayed?.headers)).not.toMatch(/forged|203\.0\.113\.66|evil/);
  });

  it('spoofed-headers is no success where no service can be asked', async () => {
    behind.hops = [{ subject: 'of no service' }];
    const answer = await run('spoofed-headers');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: 'attack_not_ready',
      detail: 'The gateway can not judge it at the moment: upstream_failed.',
    });
  });

  it('spoofed-headers is not even tried with a token that is not good enough', async () => {
    token = await gateway.token({ sub: SUBJECT, scope: 'keys:read' });
    const answer = await run('spoofed-headers');
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'insufficient_scope' });
  });

  it.each([
    ['another user', [{ service: 'resource', subject: 'somebody else' }]],
    ['what was sent', [{ service: 'resource', subject: SUBJECT, address: 'for 203.0.113.66' }]],
  ])('spoofed-headers sees it when a service takes the caller for %s', async (_what, hops) => {
    behind.hops = hops;
    expect((await attacked('spoofed-headers')).wasRefused).toBe(false);
  });

  it('foreign-host is refused in each of its three ways', async () => {
    const { response, wasRefused } = await attacked('foreign-host');
    expect(wasRefused).toBe(true);
    expect([400, 404]).toContain(response.status);
    expect(response.detail?.split('; ')).toEqual([
      expect.stringMatching(/^http:\/\/evil\.test\/api\/documents as evil\.test: 40[04] \w+$/),
      expect.stringMatching(/^\/\/evil\.test\/api\/documents: 40[04] \w+$/),
      '/demo/accounts as evil.test: 404 route_not_found',
    ]);
    expect(behind.received).toEqual([]);
  });

  it('replayed-refresh ends a session of its own, of the account that may do the least', async () => {
    const { request, response, wasRefused } = await attacked('replayed-refresh');
    expect(response).toMatchObject({ status: 401, code: 'session_ended' });
    expect(wasRefused).toBe(true);
    expect(request).toEqual({
      method: 'POST',
      path: '/auth/refresh',
      headers: { cookie: '__Host-refresh=rt_…', 'x-token-relay': '1' },
    });
    expect(behind.received.map(({ line, headers }) => [line, headers.cookie])).toEqual([
      ['POST /auth/login', undefined],
      ['POST /auth/refresh', '__Host-refresh=rt_secret-0'],
      ['POST /auth/refresh', '__Host-refresh=rt_secret-1'],
      ['POST /auth/refresh', '__Host-refresh=rt_secret-0'],
    ]);
    expect(JSON.parse(behind.received[0]?.body ?? '')).toMatchObject({ username: 'carol' });
  });

  it('answers what was sent, what came back and why, for the caller’s own token', async () => {
    const answer = await run('alg-none');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const result = (await answer.json()) as AttackResult;
    expect(Object.keys(result).sort()).toEqual(['request', 'response', 'title', 'wasRefused', 'why']);
    const [, claims = ''] = (result.request.headers.authorization ?? '').split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ sub: SUBJECT });
    expect(result).toMatchObject({ response: { status: 401, code: 'alg_not_allowed' }, wasRefused: true });
  });

  it('is for nobody without a token', async () => {
    expect((await run('alg-none', { headers: {} })).status).toBe(401);
    const unknown = await run('toString');
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: 'attack_not_found' });
  });

  it('brings auth the token that is to expire, as the gateway', async () => {
    const own = gateway.app.get(AttackSupplies, { strict: false });
    expect(await own.expiredToken(token, AbortSignal.timeout(15_000))).toBe('a.b.c');
    const [{ line, headers, body } = { line: '', headers: {}, body: '' }] = behind.received;
    expect(line).toBe('POST /demo/expired-token');
    expect(headers.authorization).toMatch(/^Basic /);
    expect(new URLSearchParams(body).get('subject_token')).toBe(token);
  });

  it('are the only way to that: the gateway passes nobody on to it', async () => {
    const own = { method: 'POST', body: new URLSearchParams({ subject_token: token }) };
    for (const path of ['/demo/expired-token', '/auth/expired-token', '/.well-known/..%2fdemo%2fexpired-token']) {
      const answer = await gateway.call(path, own);
      expect([400, 404, 405]).toContain(answer.status);
    }
    expect(behind.received).toEqual([]);
  });

  it('leaves no token in the log', () => {
    expect(gateway.lines.join('\n')).not.toMatch(/eyJ[A-Za-z0-9_-]{8}|rt_secret|secret-of-carol/);
  });
});

describe('the attacks of the console, elsewhere', () => {
  const built = new BuiltConsole();
  afterAll(() => built.remove());

  it.each([
    ['in production, where there is a console', { DEMO: '1', CONSOLE: '1' }],
    ['in development, without DEMO=1', { NODE_ENV: 'development', CONSOLE: '1' }],
    ['in production', {}],
  ])('are not there %s', async (_where, environment) => {
    const gateway = await GatewayApp.start({
      service: (_request, response) => void response.end('{}'),
      environment,
      consoleFolder: built.folder,
    });
    try {
      const answer = await gateway.call('/console/api/attacks/alg-none', { method: 'POST' });
      expect(answer.status).toBe(404);
    } finally {
      await gateway.stop();
    }
  });
});
