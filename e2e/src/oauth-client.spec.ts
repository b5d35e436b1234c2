import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { REVOKED, until, verdicts, workingChain } from './chain';
import { type ClientId, System } from './system';

/** What an OAuth client that knows nothing of this system makes of it. */
describe('a client of another make', () => {
  let system: System;
  let server: oauth.AuthorizationServer;

  beforeAll(async () => {
    system = await System.start();
    server = {
      issuer: 'https://issuer.test',
      revocation_endpoint: `${system.auth.url}/oauth/revoke`,
      introspection_endpoint: `${system.auth.url}/oauth/introspect`,
    };
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  const http = { [oauth.allowInsecureRequests]: true };
  const as = (id: ClientId, secret = system.secrets[id]) => ({
    client: { client_id: id },
    authentication: oauth.ClientSecretBasic(secret),
  });

  async function introspect(token: string, { client, authentication } = as('gateway')) {
    const answer = await oauth.introspectionRequest(server, client, authentication, token, http);
    return oauth.processIntrospectionResponse(server, client, answer);
  }

  async function revoke(token: string, { client, authentication } = as('gateway')) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, http));
  }

  it('is told of a token what it says itself', async () => {
    const token = await system.login('alice');
    const { iss, sub, aud, exp, iat, jti, client_id, scope } = decodeJwt(token);
    expect(await introspect(token)).toMatchObject({
      active: true,
      token_type: 'Bearer',
      ...{ iss, sub, aud, exp, iat, jti, client_id, scope },
    });
  });

  it('is told nothing of a token that is for another', async () => {
    const token = await system.login('alice');
    expect(await introspect(token, as('audit'))).toEqual({ active: false });
  });

  it('revokes its token: that is inactive from then on, and refused everywhere with all that came of it', async () => {
    const chain = await workingChain(system, 5_000);
    await revoke(chain.login);
    expect(await introspect(chain.login)).toEqual({ active: false });
    expect(await introspect(chain.resource, as('resource'))).toEqual({ active: false });
    await until(1_000, () => verdicts(system, chain), REVOKED);
  });

  it('revokes what is revoked, or was never a token, and hears no difference', async () => {
    const token = await system.login('alice');
    await revoke(token);
    await revoke(token);
    await revoke('never-a-token');
  });

  it('can not revoke the token of another client', async () => {
    const token = await system.login('alice');
    await expect(revoke(token, as('audit'))).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
    expect(await introspect(token)).toMatchObject({ active: true });
  });

  it('is told when its secret is wrong', async () => {
    const token = await system.login('alice');
    const stranger = as('gateway', system.secrets.audit);
    const refused = { code: oauth.WWW_AUTHENTICATE_CHALLENGE, status: 401 };
    await expect(revoke(token, stranger)).rejects.toMatchObject(refused);
    await expect(introspect(token, stranger)).rejects.toMatchObject(refused);
    expect(await introspect(token)).toMatchObject({ active: true });
  });
});
