import { Logger } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FormParameters } from '../tokens/form-parameters';
import { OAuthError } from '../tokens/oauth-error';
import { type ClientAssertions } from './client-assertion';
import { ClientAuthentication } from './client-authentication';
import { ClientRegistry } from './client-registry';

const SECRET = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT';
const OTHER = 'T0rEw4Pa6Df3Gh5Jk8Lc1Nb7Vx4Zm2S9q';

describe('ClientAuthentication', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'));
  let authentication: ClientAuthentication;
  beforeAll(() => {
    Logger.overrideLogger(false);
    const path = join(folder, 'clients.json');
    const digest = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('base64url')}`;
    const clients = [
      { id: 'gateway', secrets: [digest(SECRET)] },
      { id: 'audit', secrets: [digest(OTHER)] },
      { type: 'native', id: 'phone', scopes: ['a'] },
    ];
    writeFileSync(path, JSON.stringify({ clients }));
    const registry = new ClientRegistry({ CLIENTS_FILE: path, NODE_ENV: 'test' });
    /** Takes one, of a client that has no secret. */
    const assertions = {
      authenticate: (assertion: string, type?: string) =>
        Promise.resolve(assertion === 'good' && type === 'jwt' ? { id: 'signer' } : undefined),
    };
    authentication = new ClientAuthentication(registry, assertions as unknown as ClientAssertions);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const asGateway = basic(`gateway:${SECRET}`);

  /** The client's id, or the error and whether there is a challenge. */
  async function outcome(method: 'authenticate' | 'identify', authorization: string | undefined, form: FormParameters) {
    const challenges: string[] = [];
    const reply = { header: (name: string, value: string) => challenges.push(`${name}: ${value}`) };
    try {
      return (await authentication[method](authorization, reply, form)).id;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return [error.getStatus(), error.code, ...challenges];
    }
  }
  const NOBODY = [401, 'invalid_client', 'www-authenticate: Basic realm="oauth"'];
  const CONFUSED = [400, 'invalid_request'];
  const SIGNED = { client_assertion: 'good', client_assertion_type: 'jwt' };

  it.each<[string, string | undefined, FormParameters, unknown, unknown]>([
    ['a service with its secret', asGateway, {}, 'gateway', 'gateway'],
    ['a service that names itself besides', asGateway, { client_id: 'gateway' }, 'gateway', 'gateway'],
    ['a service that names another', asGateway, { client_id: 'audit' }, CONFUSED, CONFUSED],
    ['a service that names a native client', asGateway, { client_id: 'phone' }, CONFUSED, CONFUSED],
    ['a service with its secret in two places', asGateway, { client_secret: SECRET }, CONFUSED, CONFUSED],
    ['a service with an assertion besides', asGateway, { client_assertion: 'a.b.c' }, CONFUSED, CONFUSED],
    [
      'a service with its secret in the form',
      undefined,
      { client_id: 'gateway', client_secret: SECRET },
      NOBODY,
      NOBODY,
    ],
    ['a service that only says who it is', undefined, { client_id: 'gateway' }, NOBODY, NOBODY],
    ['a wrong secret', basic(`gateway:${OTHER}`), {}, NOBODY, NOBODY],
    ['a wrong secret, and a native client', basic(`gateway:${OTHER}`), { client_id: 'phone' }, NOBODY, NOBODY],
    ['an assertion alone', undefined, { client_id: 'gateway', client_assertion: 'a.b.c' }, NOBODY, NOBODY],
    ['an assertion', undefined, { ...SIGNED }, 'signer', 'signer'],
    ['an assertion that is refused', undefined, { ...SIGNED, client_assertion: 'bad' }, NOBODY, NOBODY],
    ['an assertion of another type', undefined, { ...SIGNED, client_assertion_type: 'saml' }, NOBODY, NOBODY],
    ['the type of an assertion alone', undefined, { client_assertion_type: 'jwt' }, NOBODY, NOBODY],
    ['an assertion that names its client besides', undefined, { ...SIGNED, client_id: 'signer' }, 'signer', 'signer'],
    ['an assertion that names another', undefined, { ...SIGNED, client_id: 'gateway' }, CONFUSED, CONFUSED],
    ['an assertion that names a native client', undefined, { ...SIGNED, client_id: 'phone' }, CONFUSED, CONFUSED],
    ['an assertion beside a secret', asGateway, { ...SIGNED }, CONFUSED, CONFUSED],
    ['an assertion beside a wrong secret', basic(`gateway:${OTHER}`), { ...SIGNED }, CONFUSED, CONFUSED],
    ['the type of an assertion beside a secret', asGateway, { client_assertion_type: 'jwt' }, CONFUSED, CONFUSED],
    ['an assertion beside a secret in the form', undefined, { ...SIGNED, client_secret: 'x' }, CONFUSED, CONFUSED],
    ['a native client', undefined, { client_id: 'phone' }, NOBODY, 'phone'],
    ['a native client with a secret', undefined, { client_id: 'phone', client_secret: SECRET }, NOBODY, NOBODY],
    ['a native client with an assertion', undefined, { client_id: 'phone', client_assertion: 'a' }, NOBODY, NOBODY],
    ['a native client with Basic', basic(`phone:${SECRET}`), {}, NOBODY, NOBODY],
    ['a native client with Basic and no secret', basic('phone:'), { client_id: 'phone' }, NOBODY, NOBODY],
    ['a native client with a bearer token', 'Bearer a.b.c', { client_id: 'phone' }, NOBODY, NOBODY],
    ['a native client with an empty header', '', { client_id: 'phone' }, NOBODY, NOBODY],
    ['a client that there is not', undefined, { client_id: 'other' }, NOBODY, NOBODY],
    ['nobody', undefined, {}, NOBODY, NOBODY],
  ])(
    'knows %s, where secrets are asked for and where native clients are welcome',
    async (_who, header, form, strict, open) => {
      expect(await Promise.all([outcome('authenticate', header, form), outcome('identify', header, form)])).toEqual([
        strict,
        open,
      ]);
    },
  );

  it.each([
    ['base64 with padding', `Basic ${Buffer.from(`gateway:${SECRET}`).toString('base64')}`, 'gateway'],
    ['the scheme in another case, and two spaces', asGateway.replace('Basic ', 'BASIC  '), 'gateway'],
    ['the form encoding of a secret', basic(`gateway:${SECRET.replace('q', '%71')}`), 'gateway'],
    ['no colon', basic('gateway'), NOBODY],
    ['what is no base64', 'Basic !', NOBODY],
  ])('reads %s', async (_what, authorization, expected) => {
    expect(await outcome('authenticate', authorization, {})).toEqual(expected);
  });
});
