import { AuthApp, ISSUER } from './auth-app';

const SIGNING = ['ES256', 'ES384', 'PS256', 'RS256', 'EdDSA', 'Ed25519'];
const PATH = '/.well-known/oauth-authorization-server';

describe('GET /.well-known/oauth-authorization-server (RFC 8414)', () => {
  let auth: AuthApp;

  beforeAll(async () => {
    auth = await AuthApp.start({ SINGLE_AUTH: '1', AUTH_URL: 'https://auth.test' });
  });
  afterAll(() => auth.stop());

  const read = (from: AuthApp, headers: Record<string, string> = {}) => fetch(`${from.url}${PATH}`, { headers });

  it('says where everything is, and how clients authenticate there', async () => {
    const answer = await read(auth);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual({
      issuer: ISSUER,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      token_endpoint: 'https://auth.test/oauth/token',
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt', 'none'],
      token_endpoint_auth_signing_alg_values_supported: SIGNING,
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange', 'refresh_token', 'client_credentials'],
      revocation_endpoint: 'https://auth.test/oauth/revoke',
      revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt', 'none'],
      revocation_endpoint_auth_signing_alg_values_supported: SIGNING,
      introspection_endpoint: 'https://auth.test/oauth/introspect',
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
      introspection_endpoint_auth_signing_alg_values_supported: SIGNING,
      subject_token_types_supported: ['urn:ietf:params:oauth:token-type:access_token'],
      requested_token_types_supported: [
        'urn:ietf:params:oauth:token-type:access_token',
        'urn:ietf:params:oauth:token-type:txn_token',
      ],
      trust_domain: 'issuer.test',
    });
  });

  it('names endpoints that are there', async () => {
    const metadata = (await (await read(auth)).json()) as Record<string, string>;
    for (const [name, url] of Object.entries(metadata).filter(([key]) => key.endsWith('_endpoint'))) {
      expect({ name, routes: auth.routes }).toEqual({
        name,
        routes: expect.arrayContaining([`POST ${new URL(url).pathname}`]) as unknown,
      });
    }
  });

  it('supports every grant that it lists, and no other', async () => {
    const { grant_types_supported: listed } = (await (await read(auth)).json()) as { grant_types_supported: string[] };
    const errorFor = async (grant_type: string) =>
      (await auth.asClient('gateway', '/oauth/token', { grant_type })).body.error;
    for (const grant of listed) expect(await errorFor(grant)).not.toBe('unsupported_grant_type');
    for (const grant of ['password', 'authorization_code', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer']) {
      expect(await errorFor(grant)).toBe('unsupported_grant_type');
    }
  });

  it('is kept for five minutes, and asked for again by its ETag', async () => {
    const first = await read(auth);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    expect(first.headers.get('cache-control')).toBe('public, max-age=300');
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await read(auth, { 'if-none-match': known });
      expect({ status: again.status, etag: again.headers.get('etag') }).toEqual({ status: 304, etag });
      expect(await again.text()).toBe('');
    }
    expect((await read(auth, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('has the endpoints where the issuer is, unless it is told otherwise', async () => {
    const other = await AuthApp.start();
    const metadata = await (await read(other)).json();
    await other.stop();
    expect(metadata).toMatchObject({
      issuer: ISSUER,
      token_endpoint: `${ISSUER}/oauth/token`,
      revocation_endpoint: `${ISSUER}/oauth/revoke`,
      introspection_endpoint: `${ISSUER}/oauth/introspect`,
    });
  });
});
