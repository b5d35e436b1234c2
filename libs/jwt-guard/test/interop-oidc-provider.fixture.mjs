// A foreign issuer for interop-oidc-provider.spec.ts, in a process of its own: oidc-provider is ESM only, and what
// it keeps in memory ends with it. Prints its address; ends when its standard input does, however the test ended.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [logoutReceiver] = process.argv.slice(2);

const privateJwk = (kid, type, options, more) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  kid,
  use: 'sig',
  ...more,
});
const P256 = { namedCurve: 'P-256' };
const jwks = {
  keys: [
    privateJwk('rs', 'rsa', { modulusLength: 2048 }, { alg: 'RS256' }),
    privateJwk('es', 'ec', P256, { alg: 'ES256' }),
    privateJwk('ed', 'ed25519', {}, { alg: 'EdDSA' }),
    // Published too, and not for signatures.
    privateJwk('enc-rsa', 'rsa', { modulusLength: 2048 }, { use: 'enc', alg: 'RSA-OAEP-256' }),
    privateJwk('enc-ec', 'ec', P256, { use: 'enc', alg: 'ECDH-ES' }),
  ],
};

const SCOPE = 'documents:read documents:write';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks,
    clients: [
      {
        client_id: 'worker',
        client_secret: 'worker-secret-of-a-test-in-one-process',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
      {
        client_id: 'spa',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        redirect_uris: ['https://spa.example/callback'],
        id_token_signed_response_alg: 'ES256',
        backchannel_logout_uri: logoutReceiver,
        backchannel_logout_session_required: true,
      },
    ],
    cookies: { keys: ['a-key-of-a-test'] },
    scopes: ['openid'],
    ttl: { AccessToken: 300, ClientCredentials: 300, Grant: 600, IdToken: 300, Interaction: 600, Session: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: true },
      dPoP: { enabled: true },
      // What the keys for encryption are for.
      encryption: { enabled: true },
      requestObjects: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        // https://api.example/<audience>/<alg>
        getResourceServerInfo: (_ctx, resource) => {
          const [, audience, alg] = new URL(resource).pathname.split('/');
          return { audience, scope: SCOPE, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
        },
      },
    },
    // Its own dispatcher refuses addresses of this machine, where the receiver of its logout tokens is.
    fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    // Who logs in has consented.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope('openid');
      for (const resource of [oidc.params.resource ?? []].flat()) grant.addResourceScope(resource, SCOPE);
      await grant.save();
      return grant;
    },
  });
  // The login page: it asks nothing.
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const { prompt } = await provider.interactionDetails(ctx.req, ctx.res);
    ctx.assert(prompt.name === 'login', 500, prompt.reasons.join());
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login: { accountId: 'alice' } }));
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.on('backchannel.error', (_ctx, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(issuer);
});

process.stdin.on('end', () => process.exit()).resume();
