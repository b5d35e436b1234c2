import { forwardedRequestHeaders, onlyHeaders, returnedHeaders } from './proxy-headers';

describe('forwardedRequestHeaders', () => {
  const passes = (name: string) => name in forwardedRequestHeaders({ [name]: 'x' });

  it.each(
    (
      'accept accept-language accept-encoding content-type content-encoding user-agent if-none-match range ' +
      'idempotency-key prefer origin referer x-request-id x-correlation-id last-event-id content-range content-digest ' +
      'content-disposition'
    ).split(' '),
  )('passes %s on', (name) => {
    expect(passes(name)).toBe(true);
  });

  it.each(
    (
      'authorization cookie host content-length expect x-transaction-id connection keep-alive te trailer ' +
      'transfer-encoding upgrade proxy-authorization proxy-connection forwarded via x-forwarded-for x-forwarded-user ' +
      'x-forwarded-access-token x-real-ip x-user x-user-id x-user-roles x-userinfo x-username x_user_id x-auth-user ' +
      'x-auth-request-email x-authenticated-userid x-authenticated-scope x-remote-user remote-user remote_user ' +
      'x-webauth-user x-authuser x-identity x-principal x-subject x-sub x-roles x-role x-scope x-scopes x-groups x-tenant-id ' +
      'x-org-id x-account-id x-client-id x-consumer-username x-credential-identifier x-jwt-assertion x-jwt-claims ' +
      'x-access-token x-id-token x-session-id x-sid x-actor x-impersonate-user x-on-behalf-of x-permissions x-admin ' +
      'x-goog-authenticated-user-email x-goog-iap-jwt-assertion x-amzn-oidc-data x-ms-client-principal-name ' +
      'x-forwarded-client-cert client-cert ssl-client-cert x-ssl-client-dn txn-token workload-identity-token ' +
      'workload-proof-token x-original-url x-rewrite-url x-http-method-override cf-access-jwt-assertion ' +
      'tailscale-user-login x-email user username uid sub role scope groups tenant impersonate-user access-token api-key ' +
      'x-forwarded x-forwarded-by x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-server ' +
      'x-original-forwarded-for x-envoy-external-address x-envoy-original-path x-client-ip x-cluster-client-ip ' +
      'true-client-ip cf-connecting-ip fastly-client-ip fly-client-ip x-azure-clientip x-appengine-user-ip ' +
      'x-api-key x-name x-internal x-spiffe-id set-cookie cookie2 traceparent baggage from x-color'
    ).split(' '),
  )('drops %s', (name) => {
    expect(passes(name)).toBe(false);
  });

  it('drops what Connection names', () => {
    const headers = { connection: 'close, X-Request-Id', 'x-request-id': 'a', accept: '*/*' };
    expect(forwardedRequestHeaders(headers)).toEqual({ accept: '*/*' });
  });

  it('makes a copy', () => {
    const headers = Object.freeze({ accept: '*/*', cookie: 'a=b' });
    expect(forwardedRequestHeaders(headers)).toEqual({ accept: '*/*' });
  });
});

describe('onlyHeaders', () => {
  it('passes nothing on but what is named', () => {
    const headers = { cookie: 'a=b', accept: '*/*', authorization: 'Bearer x', connection: 'close' };
    expect(onlyHeaders(headers, new Set(['cookie', 'connection']))).toEqual({ cookie: 'a=b' });
  });
});

describe('returnedHeaders', () => {
  const headers = {
    'set-cookie': ['a=b', 'c=d'],
    etag: 'x',
    connection: 'keep-alive',
    'keep-alive': 'timeout=5',
  };

  it('returns cookies only where they belong', () => {
    expect(returnedHeaders(headers, 'kept')).toEqual({ 'set-cookie': ['a=b', 'c=d'], etag: 'x' });
    expect(returnedHeaders(headers, 'dropped')).toEqual({ etag: 'x' });
  });

  it('returns nothing that was meant for the gateway', () => {
    const ofTheOrigin = { 'clear-site-data': '"cookies"', 'access-control-allow-origin': '*', server: 'x', nel: '{}' };
    expect(returnedHeaders({ ...ofTheOrigin, etag: 'x' }, 'kept')).toEqual({ etag: 'x' });
    const inner = { 'www-authenticate': 'Bearer', 'proxy-authenticate': 'Basic', authorization: 'Bearer x', etag: 'x' };
    expect(returnedHeaders(inner, 'kept')).toEqual({ etag: 'x' });
  });
});
