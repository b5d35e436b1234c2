import { connect } from 'node:net';
import { callRpc } from './rpc-client';
import { post, System } from './system';

const MEBIBYTE = 1024 * 1024;

describe('bad input', () => {
  let system: System;
  let token: string;

  beforeAll(async () => {
    system = await System.start();
    token = await system.login('alice');
  });
  afterAll(async () => {
    await system.stop();
  });

  type Call = [what: string, call: () => Promise<Response>, status: number, code: string];
  const bearer = () => ({ authorization: `Bearer ${token}` });
  const gateway = (path: string) => `${system.gateway.url}${path}`;
  const document = (body: unknown) => post(gateway('/api/documents'), body, bearer());
  const login = (body: unknown) => post(gateway('/auth/login'), body);
  const padded = (bytes: number) => {
    const frame = JSON.stringify({ title: 'x', body: '' });
    return JSON.stringify({ title: 'x', body: 'x'.repeat(bytes - frame.length) });
  };

  const calls: Call[] = [
    ['malformed JSON', () => document('{"title":'), 400, 'malformed_json'],
    ['no body where JSON is announced', () => document(''), 400, 'malformed_json'],
    ['a missing field', () => document({ body: 'x' }), 400, 'validation_failed'],
    ['a field of another type', () => document({ title: 1 }), 400, 'validation_failed'],
    ['a field that nobody knows', () => document({ title: 'x', owner: 'bob' }), 400, 'validation_failed'],
    ['a prototype', () => document('{"title":"x","__proto__":{"admin":true}}'), 400, 'malformed_json'],
    ['a list instead of an object', () => document([]), 400, 'validation_failed'],
    ['a byte more than 1 MiB', () => document(padded(MEBIBYTE + 1)), 413, 'body_too_large'],
    ['1 MiB, which is too long a text', () => document(padded(MEBIBYTE)), 400, 'validation_failed'],
    [
      'another media type',
      () =>
        fetch(gateway('/api/documents'), {
          method: 'POST',
          headers: { ...bearer(), 'content-type': 'text/xml' },
          body: '<a/>',
        }),
      415,
      'unsupported_media_type',
    ],
    [
      'a document as a form',
      () =>
        fetch(gateway('/api/documents'), {
          method: 'POST',
          headers: bearer(),
          body: new URLSearchParams({ title: 'x' }),
        }),
      415,
      'unsupported_media_type',
    ],
    [
      'a document as text',
      () =>
        fetch(gateway('/api/documents'), {
          method: 'POST',
          headers: { ...bearer(), 'content-type': 'text/plain' },
          body: '{"title":"x"}',
        }),
      415,
      'unsupported_media_type',
    ],
    [
      'a compressed document',
      () =>
        fetch(gateway('/api/documents'), {
          method: 'POST',
          headers: { ...bearer(), 'content-type': 'application/json', 'content-encoding': 'gzip' },
          body: '{"title":"x"}',
        }),
      415,
      'unsupported_media_type',
    ],
    ['a login without a password', () => login({ username: 'alice' }), 400, 'validation_failed'],
    ['a login with a number for a name', () => login({ username: 1, password: 'x' }), 400, 'validation_failed'],
    [
      'a login with an endless password',
      () => login({ username: 'alice', password: 'x'.repeat(1025) }),
      400,
      'validation_failed',
    ],
    ['a login with malformed JSON', () => login('{'), 400, 'malformed_json'],
    ['a login of more than 1 MiB', () => login('x'.repeat(MEBIBYTE + 1)), 413, 'body_too_large'],
    [
      'a login by form',
      () =>
        fetch(gateway('/auth/login'), {
          method: 'POST',
          body: new URLSearchParams({ username: 'alice', password: 'x' }),
        }),
      415,
      'unsupported_media_type',
    ],
    ['a wrong password', () => login({ username: 'alice', password: 'wrong' }), 401, 'invalid_credentials'],
    ['an unknown user', () => login({ username: 'nobody', password: 'wrong' }), 401, 'invalid_credentials'],
    ['an unknown route', () => fetch(gateway('/nowhere')), 404, 'route_not_found'],
    ['an unknown route behind the gateway', () => system.call('/api/nowhere', token), 404, 'route_not_found'],
    [
      'a session route that the gateway does not have',
      () => fetch(gateway('/auth/admin'), { method: 'POST' }),
      404,
      'route_not_found',
    ],
    [
      "auth's token endpoint, which is not the gateway's",
      () => fetch(gateway('/oauth/token'), { method: 'POST' }),
      404,
      'route_not_found',
    ],
    ['the demo accounts, without a demo', () => fetch(gateway('/demo/accounts')), 404, 'route_not_found'],
    ['a wrong method', () => fetch(gateway('/auth/login')), 405, 'method_not_allowed'],
    [
      'a wrong method behind the gateway',
      () => system.call('/api/documents', token, { method: 'DELETE' }),
      405,
      'method_not_allowed',
    ],
    ['a malformed URL', () => fetch(gateway('/api/%zz')), 400, 'malformed_url'],
    ['an encoded slash', () => system.call('/api/documents%2f..%2fadmin', token), 400, 'path_ambiguous'],
    ['an empty segment', () => system.call('/api//documents', token), 400, 'path_ambiguous'],
    ['no token', () => fetch(gateway('/api/documents')), 401, 'token_missing'],
    ['a token in the query', () => fetch(gateway(`/api/documents?access_token=${token}`)), 401, 'token_missing'],
    [
      'another scheme',
      () => fetch(gateway('/api/documents'), { headers: { authorization: 'Basic eDp5' } }),
      401,
      'token_missing',
    ],
    [
      'a query that is out of range',
      async () => system.call('/api/audit?limit=0', await system.login('admin')),
      400,
      'validation_failed',
    ],
  ];

  it.each(calls)('%s is answered with a problem document', async (_what, call, status, code) => {
    const answer = await call();
    const text = await answer.text();
    expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
      status,
      type: 'application/problem+json',
    });
    expect(JSON.parse(text)).toMatchObject({
      type: 'about:blank',
      status,
      code,
      title: expect.any(String) as string,
      detail: expect.any(String) as string,
      transactionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    expect(text).not.toMatch(/\bat .+:\d+:\d+|node_modules/);
  });

  it('says which methods there are, when it is not this one', async () => {
    expect((await fetch(gateway('/auth/login'))).headers.get('allow')).toBe('POST');
    expect((await system.call('/api/documents', token, { method: 'PUT' })).headers.get('allow')).toBe(
      'GET, HEAD, POST',
    );
  });

  it('takes the longest text that it promises to, and none that is longer', async () => {
    expect((await document({ title: 'x'.repeat(200), body: 'x'.repeat(100_000) })).status).toBe(201);
    expect((await document({ title: 'x'.repeat(201) })).status).toBe(400);
    expect((await document({ title: 'x', body: 'x'.repeat(100_001) })).status).toBe(400);
  });

  it('answers a wrong password and an unknown user with the same words', async () => {
    const answers = await Promise.all(
      ['alice', 'nobody'].map(async (username) => (await login({ username, password: 'wrong' })).json()),
    );
    const [wrong, unknown] = answers.map((answer) => ({ ...(answer as object), transactionId: '' }));
    expect(wrong).toEqual(unknown);
  });

  /** Sends bytes as they are: `fetch` wouldn't. */
  async function raw(text: string): Promise<string> {
    const { hostname, port } = new URL(system.gateway.url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.end(text);
    let received = '';
    for await (const chunk of socket) received += String(chunk);
    return received;
  }

  it.each([
    [
      'headers of more than 16 KiB',
      () => `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['what is not HTTP', () => 'EHLO relay\r\n\r\n', 400, 'malformed_request'],
    ['no host', () => 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    [
      'two hosts',
      () => 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\nConnection: close\r\n\r\n',
      400,
      'malformed_request',
    ],
    ['a host that is none', () => 'GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    [
      'two tokens far apart',
      () =>
        `GET /api/documents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n${'a:\r\n'.repeat(1996)}Authorization: Bearer x\r\n\r\n`,
      400,
      'authorization_repeated',
    ],
    [
      'two lengths',
      () => 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
      'malformed_request',
    ],
    [
      'two tokens',
      () =>
        `GET /api/documents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      400,
      'authorization_repeated',
    ],
    [
      'dot segments',
      () => `GET /api/../auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      400,
      'path_ambiguous',
    ],
  ])('%s are answered with a problem document', async (_what, text, status, code) => {
    const received = await raw(text());
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(received).toMatch(/content-type: application\/problem\+json/i);
    expect(received).toContain(`"code":"${code}"`);
  });

  it('tells the callers of audit what is wrong with a message', async () => {
    const forResource = (await system.exchange('gateway', token, 'resource')).body.access_token ?? '';
    const forAudit = (await system.exchange('resource', forResource, 'audit')).body.access_token ?? '';
    const metadata = { authorization: `Bearer ${forAudit}` };
    const { err } = await callRpc(system.audit.addresses.rpc ?? '', {
      pattern: 'audit.record',
      data: { action: 1 },
      metadata,
    });
    expect(err).toMatchObject({ status: 400, code: 'validation_failed', error: 'invalid_request' });
    const { response } = await callRpc(system.audit.addresses.rpc ?? '', {
      pattern: 'audit.record',
      data: { action: 'a.b' },
      metadata,
    });
    expect(response).toMatchObject({ id: expect.any(String) as string });
  });
});
