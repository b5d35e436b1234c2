import { Logger } from '@nestjs/common';
import crypto, { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientRegistry } from './client-registry';

const OLD = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT';
const NEW = 'T0rEw4Pa6Df3Gh5Jk8Lc1Nb7Vx4Zm2S9q';
const OTHER = 'b7Vx4Zm2S9qT0rEw4Pa6Df3Gh5Jk8Lc1N';
const digest = (secret: string): string => `sha256:${createHash('sha256').update(secret).digest('base64url')}`;

/** A public key as a JWK. */
const publicJwk = (kid: string, more: object = {}) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'ES256',
  ...more,
});
const [KEY, NEXT_KEY] = [publicJwk('key'), publicJwk('next', { use: 'sig', key_ops: ['verify'] })];
const PRIVATE_JWK = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const SHORT_RSA = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
const ED25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });

describe('ClientRegistry', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'));
  const path = join(folder, 'clients.json');
  const gateway = { id: 'gateway', secrets: [digest(OLD)], audiences: { resource: ['a', 'b'] }, scopes: ['c'] };
  const audit = { id: 'audit', secrets: [digest(OTHER)] };
  const signer = { id: 'signer', jwks: { keys: [KEY] } };
  const signed = (...keys: unknown[]) => ({ clients: [{ ...signer, jwks: { keys } }] });
  const phone = { type: 'native', id: 'phone', scopes: ['a', 'b'] };
  let registry: ClientRegistry | undefined;
  beforeAll(() => void Logger.overrideLogger(false));
  afterEach(async () => {
    await registry?.onApplicationShutdown();
    registry = undefined;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const write = (content: unknown) =>
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  const open = (content: unknown, mode: 'production' | 'development' = 'production'): ClientRegistry => {
    write(content);
    return new ClientRegistry({ CLIENTS_FILE: path, NODE_ENV: mode });
  };

  it('knows a client by its secret', () => {
    const clients = open({ clients: [gateway, audit] });
    const { id, audiences, scopes } = gateway;
    expect(clients.authenticate('gateway', OLD)).toEqual({ type: 'service', id, audiences, scopes });
    expect(clients.authenticate('audit', OTHER)).toEqual({
      type: 'service',
      id: 'audit',
      audiences: {},
      scopes: [],
    });
    for (const [id, secret] of [
      ['gateway', OTHER],
      ['gateway', NEW],
      ['gateway', ''],
      ['Gateway', OLD],
      ['resource', OLD],
      ['constructor', OLD],
      ['', ''],
    ] as const) {
      expect(clients.authenticate(id, secret)).toBeUndefined();
    }
  });

  it('knows a native client by its id, and by no secret', () => {
    const clients = open({ clients: [gateway, { ...audit, type: 'service' }, phone] });
    expect(clients.native('phone')).toEqual(phone);
    for (const id of ['gateway', 'audit', 'Phone', 'constructor', '']) expect(clients.native(id)).toBeUndefined();
    for (const secret of ['', OLD, OTHER]) expect(clients.authenticate('phone', secret)).toBeUndefined();
    expect(clients.authenticate('audit', OTHER)?.id).toBe('audit');
  });

  it('knows it by either of two secrets, the first and the second', () => {
    const clients = open({ clients: [{ ...gateway, secrets: [digest(OLD), digest(NEW)] }] });
    for (const secret of [OLD, NEW]) expect(clients.authenticate('gateway', secret)?.id).toBe('gateway');
    expect(clients.authenticate('gateway', OTHER)).toBeUndefined();
  });

  it('knows the keys of a client that signs, and takes no secret from it', () => {
    const clients = open({ clients: [gateway, { ...signer, jwks: { keys: [KEY, NEXT_KEY] }, scopes: ['c'] }, phone] });
    const { client, keys } = clients.withKeys('signer') ?? {};
    expect(client).toEqual({ type: 'service', id: 'signer', audiences: {}, scopes: ['c'] });
    expect(keys?.map(({ kid, algorithm }) => [kid, algorithm])).toEqual([
      ['key', 'ES256'],
      ['next', 'ES256'],
    ]);
    for (const id of ['gateway', 'phone', 'constructor', '']) expect(clients.withKeys(id)).toBeUndefined();
    for (const secret of ['', OLD, OTHER]) expect(clients.authenticate('signer', secret)).toBeUndefined();
  });

  it('takes a key by either name of its algorithm', () => {
    for (const alg of ['EdDSA', 'Ed25519']) {
      const { keys } = open(signed({ ...ED25519, kid: 'e', alg })).withKeys('signer') ?? {};
      expect(keys?.map(({ algorithm }) => algorithm)).toEqual([alg]);
    }
  });

  it('knows what transactions a client may begin', () => {
    const transactions = { scopes: ['a'] };
    const clients = open({ clients: [{ ...gateway, transactions }, audit] });
    expect(clients.authenticate('gateway', OLD)?.transactions).toEqual(transactions);
    expect(clients.authenticate('audit', OTHER)?.transactions).toBeUndefined();
  });

  it('takes no secret under 32 bytes, whatever is registered', () => {
    const [short, enough] = [OLD.slice(1), OLD];
    const clients = open({ clients: [{ ...gateway, secrets: [digest(short), digest(enough)] }] });
    expect(clients.authenticate('gateway', short)).toBeUndefined();
    expect(clients.authenticate('gateway', enough)?.id).toBe('gateway');
  });

  it('does the same work for every client and every secret', () => {
    const clients = open({ clients: [{ ...gateway, secrets: [digest(OLD), digest(NEW)] }, audit, phone] });
    const compare = jest.spyOn(crypto, 'timingSafeEqual');
    const cases = [
      ['gateway', OLD],
      ['gateway', NEW],
      ['gateway', 'x'],
      ['audit', OTHER],
      ['phone', OLD],
      ['nobody', OLD],
    ] as const;
    for (const [id, secret] of cases) {
      compare.mockClear();
      clients.authenticate(id, secret);
      expect(compare).toHaveBeenCalledTimes(2);
    }
  });

  it.each([
    ['no JSON', 'gateway:hunter2', /CLIENTS_FILE can not be read as JSON/],
    ['no list', {}, /CLIENTS_FILE is not as it must be at: clients$/],
    ['a secret in clear', { clients: [{ ...gateway, secrets: ['hunter2'] }] }, /at: clients\.0\.secrets\.0$/],
    ['a digest too short', { clients: [{ ...gateway, secrets: [digest(OLD).slice(0, -1)] }] }, /secrets\.0$/],
    ['a digest in hex', { clients: [{ ...gateway, secrets: [`sha256:${'0'.repeat(64)}`] }] }, /secrets\.0$/],
    ['a digest of nothing', { clients: [{ ...gateway, secrets: [digest('')] }] }, /secrets\.0$/],
    ['no secret', { clients: [{ ...gateway, secrets: [] }] }, /at: clients\.0\.secrets$/],
    ['three secrets', { clients: [{ ...gateway, secrets: [OLD, NEW, OTHER].map(digest) }] }, /clients\.0\.secrets$/],
    ['the same secret twice', { clients: [{ ...gateway, secrets: [OLD, OLD].map(digest) }] }, /clients\.0\.secrets$/],
    ['a secret of two clients', { clients: [gateway, { ...audit, secrets: gateway.secrets }] }, /lists a secret twice/],
    ['neither secrets nor keys', { clients: [{ id: 'x' }] }, /clients\.0\.secrets$/],
    ['secrets and keys', { clients: [{ ...gateway, jwks: { keys: [KEY] } }] }, /clients\.0\.jwks$/],
    ['no key', signed(), /clients\.0\.jwks\.keys$/],
    ['three keys', signed(KEY, NEXT_KEY, publicJwk('third')), /clients\.0\.jwks\.keys$/],
    ['two keys of one name', signed(KEY, publicJwk('key')), /clients\.0\.jwks\.keys$/],
    ['a key of two names', signed(KEY, { ...KEY, kid: 'other' }), /lists a key twice/],
    ['a key of two clients', { clients: [signer, { ...signer, id: 'other' }] }, /lists a key twice/],
    ['a private key', signed({ ...PRIVATE_JWK, kid: 'hunter2', alg: 'ES256' }), /jwks\.keys\.0$/],
    ['a symmetric key', signed({ kty: 'oct', k: 'hunter2', kid: 'k', alg: 'HS256' }), /jwks\.keys\.0\.alg$/],
    ['a weak key', signed({ ...SHORT_RSA, kid: 'k', alg: 'PS256' }), /jwks\.keys\.0$/],
    ['a key for encryption', signed({ ...KEY, use: 'enc' }), /jwks\.keys\.0$/],
    ['a key that is for another algorithm', signed({ ...KEY, alg: 'ES384' }), /jwks\.keys\.0$/],
    ['a key without an algorithm', signed({ ...KEY, alg: undefined }), /jwks\.keys\.0\.alg$/],
    ['a key without a name', signed({ ...KEY, kid: undefined }), /jwks\.keys\.0\.kid$/],
    ['a key that is none', signed({ ...KEY, x: 'hunter2' }), /jwks\.keys\.0$/],
    ['an address of keys', { clients: [{ id: 'x', jwks_uri: 'https://hunter2' }] }, /clients\.0\.jwks_uri/],
    ['keys of a native client', { clients: [{ ...phone, jwks: { keys: [KEY] } }] }, /at: clients\.0\.jwks$/],
    ['transactions without scopes', { clients: [{ ...gateway, transactions: {} }] }, /transactions\.scopes$/],
    ['transactions for nothing', { clients: [{ ...gateway, transactions: { scopes: [] } }] }, /transactions\.scopes$/],
    [
      'transactions of a native client',
      { clients: [{ ...phone, transactions: { scopes: ['a'] } }] },
      /0\.transactions$/,
    ],
    ['an id twice', { clients: [gateway, { ...audit, id: 'gateway' }] }, /lists an id twice/],
    ['no id', { clients: [{ ...gateway, id: '' }] }, /clients\.0\.id$/],
    ['a colon in an id', { clients: [{ ...gateway, id: 'gate:way' }] }, /clients\.0\.id$/],
    ['a space in an id', { clients: [{ ...gateway, id: 'gate way' }] }, /clients\.0\.id$/],
    ['a UUID as an id', { clients: [{ ...gateway, id: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11' }] }, /clients\.0\.id$/],
    ['an audience without scopes', { clients: [{ ...gateway, audiences: { resource: [] } }] }, /audiences\.resource$/],
    ['scopes in one text', { clients: [{ ...gateway, scopes: ['a b'] }] }, /clients\.0\.scopes\.0$/],
    ['a member that is misspelt', { clients: [{ ...gateway, scope: ['hunter2'] }] }, /at: clients\.0\.scope$/],
    ['a type that there is not', { clients: [{ ...gateway, type: 'hunter2' }] }, /at: clients\.0\.type$/],
    ['a native client with a secret', { clients: [{ ...phone, secrets: ['hunter2'] }] }, /at: clients\.0\.secrets$/],
    ['a native client with audiences', { clients: [{ ...phone, audiences: {} }] }, /at: clients\.0\.audiences$/],
    ['a native client without scopes', { clients: [{ ...phone, scopes: [] }] }, /at: clients\.0\.scopes$/],
    ['a native client that says nothing of scopes', { clients: [{ ...phone, scopes: undefined }] }, /0\.scopes$/],
    ['a UUID as the id of one', { clients: [{ ...phone, id: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11' }] }, /0\.id$/],
    ['an id of a service and a native client', { clients: [gateway, { ...phone, id: 'gateway' }] }, /an id twice/],
    ['a member beside the list', { clients: [], secret: 'hunter2' }, /at: secret$/],
    ['a member that objects have', '{"clients":[{"id":"x","audiences":{"__proto__":["a"]}}]}', /as JSON$/],
    ['a value as a member', { clients: [], 'sha256:hunter2': 1 }, /at: \?$/],
  ])('refuses %s, and shows no value', (_what, content, message) => {
    expect(() => open(content)).toThrow(message);
    expect(() => open(content)).not.toThrow(/hunter2/);
  });

  it('refuses generated clients in production only', () => {
    const generated = { generatedBy: 'dev-secrets', clients: [gateway] };
    expect(() => open(generated)).toThrow('CLIENTS_FILE was generated by dev-secrets and is refused in production');
    expect(() => open(generated, 'development')).not.toThrow();
  });

  it('changes a secret without a restart, and keeps what it had while the file is bad', async () => {
    registry = open({ clients: [gateway] });
    registry.onModuleInit();
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await sleep(5);
    };
    const opens = (secret: string): boolean => registry?.authenticate('gateway', secret) !== undefined;
    write({ clients: [{ ...gateway, secrets: [digest(OLD), digest(NEW)] }] });
    await until(() => opens(NEW));
    expect(opens(OLD)).toBe(true);
    write('{');
    await sleep(300);
    expect([opens(OLD), opens(NEW)]).toEqual([true, true]);
    expect(registry.native('phone')).toBeUndefined();
    write({ clients: [{ ...gateway, secrets: [digest(NEW)] }, audit, phone] });
    await until(() => !opens(OLD));
    expect(opens(NEW)).toBe(true);
    expect(registry.authenticate('audit', OTHER)?.id).toBe('audit');
    expect(registry.native('phone')?.id).toBe('phone');
  });
});
