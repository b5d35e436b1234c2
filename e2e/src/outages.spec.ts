import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { AppProcess } from './app-process';
import { post, shared, System } from './system';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('without auth', () => {
  let system: System;
  let known: string;
  let fresh: string;

  beforeAll(async () => {
    system = await System.start();
    [known, fresh] = await Promise.all([system.login('alice'), system.login('bob')]);
    expect((await system.call('/api/whoami', known)).status).toBe(200);
    expect(await system.auth.stop()).toBe(0);
  });
  afterAll(async () => {
    await system.stop();
  });

  const outcome = async (answer: Response) => {
    const { code } = (await answer.json()) as { code?: string };
    return { status: answer.status, code, challenge: answer.headers.get('www-authenticate') !== null };
  };

  it('a token that was exchanged goes on working, all the way', async () => {
    const answer = await system.call('/api/whoami', known);
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { hops: unknown[] }).hops).toHaveLength(3);
  });

  it('a good token that was not is 503, not 401', async () => {
    const answer = await system.call('/api/whoami', fresh);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await outcome(answer)).toEqual({ status: 503, code: 'exchange_unavailable', challenge: false });
  });

  it('a token whose key is not known can not be judged: 503', async () => {
    const [header = '', payload, signature] = known.split('.');
    const unknown = encode({
      ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object),
      kid: 'unknown',
    });
    const answer = await system.call('/api/whoami', `${unknown}.${payload}.${signature}`);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await outcome(answer)).toEqual({ status: 503, code: 'keys_unavailable', challenge: false });
  });

  it('a bad token is bad: 401', async () => {
    const [header, payload, signature = ''] = known.split('.');
    const forged = `${header}.${payload}.${signature.slice(0, -4)}AAAA`;
    expect(await outcome(await system.call('/api/whoami', forged))).toMatchObject({
      status: 401,
      challenge: true,
    });
  });

  it('nobody can log in: 503', async () => {
    const answer = await post(`${system.gateway.url}/auth/login`, { username: 'alice', password: 'x' });
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await outcome(answer)).toEqual({ status: 503, code: 'auth_unavailable', challenge: false });
  });

  it('the services stay ready', async () => {
    for (const app of [system.gateway, system.resource, system.audit]) {
      expect((await fetch(`${app.url}/readyz`)).status).toBe(200);
    }
  });
});

describe('without a service behind the gateway', () => {
  let system: System;
  let token: string;

  beforeAll(async () => {
    system = await System.start();
    token = await system.login('alice');
  });
  afterAll(async () => {
    await system.stop();
  });

  const outcome = async (path: string, init?: RequestInit) => {
    const answer = await system.call(path, token, init);
    const { code } = (await answer.json()) as { code?: string };
    return { status: answer.status, type: answer.headers.get('content-type'), code };
  };
  const type = 'application/problem+json';

  it('one that does not answer in time is 504, and one that hangs up 502', async () => {
    const silent = createServer((request, response) => {
      if (request.url === '/documents/hangs-up') response.socket?.destroy();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const gateway = await AppProcess.start('gateway', {
      RESOURCE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      GATEWAY_CLIENT_SECRET: system.secrets.gateway,
      UPSTREAM_TIMEOUT_MS: '1000',
      ...shared(system.auth.url),
    });
    const codeOf = async (path: string) => {
      const answer = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
      return { status: answer.status, code: ((await answer.json()) as { code: string }).code };
    };
    expect(await codeOf('/api/documents')).toEqual({ status: 504, code: 'upstream_timeout' });
    expect(await codeOf('/api/documents/hangs-up')).toEqual({ status: 502, code: 'upstream_failed' });
    await gateway.stop();
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('the second hop down is 502, and nothing is stored that could not be recorded', async () => {
    expect((await system.call('/api/whoami', token)).status).toBe(200);
    await system.audit.stop();
    expect(await outcome('/api/whoami')).toEqual({ status: 502, type, code: 'upstream_unreachable' });
    const headers = { 'content-type': 'application/json' };
    expect(await outcome('/api/documents', { method: 'POST', headers, body: '{"title":"lost"}' })).toMatchObject({
      status: 502,
    });
    expect(await (await system.call('/api/documents', token)).json()).toEqual({ documents: [] });
  });

  it('the first hop down is 502', async () => {
    await system.resource.stop();
    expect(await outcome('/api/documents')).toEqual({ status: 502, type, code: 'upstream_unreachable' });
    expect(await outcome('/api/whoami')).toEqual({ status: 502, type, code: 'upstream_unreachable' });
  });
});
