import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Callers, networkOf, userAgentOf } from './callers';
import { type ClientAssertions } from './client-assertion';
import { ClientAuthentication } from './client-authentication';
import { ClientRegistry } from './client-registry';

const SECRETS = { gateway: 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT:%+&', resource: 'T0rEw4Pa6Df3Gh5Jk8Lc1Nb7Vx4Zm2S9q' };

describe('Callers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'callers-'));
  const challenges: string[] = [];
  const reply = { header: (name: string, value: string) => challenges.push(`${name}: ${value}`) };
  let callers: Callers;

  beforeAll(() => {
    const clients = Object.entries(SECRETS).map(([id, secret]) => ({
      id,
      secrets: [`sha256:${createHash('sha256').update(secret).digest('base64url')}`],
    }));
    const path = join(folder, 'clients.json');
    writeFileSync(path, JSON.stringify({ clients }));
    const registry = new ClientRegistry({ CLIENTS_FILE: path, NODE_ENV: 'test' });
    callers = new Callers(new ClientAuthentication(registry, {} as ClientAssertions));
  });
  beforeEach(() => void challenges.splice(0));
  afterAll(() => rmSync(folder, { recursive: true }));

  const basic = (id: string, secret: string): string => {
    const encoded = new URLSearchParams({ v: secret }).toString().slice(2);
    return `Basic ${Buffer.from(`${id}:${encoded}`).toString('base64')}`;
  };
  const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}): Promise<string> =>
    callers.addressOf({ headers, socket: { remoteAddress } }, reply);
  const throughGateway = (forwarded: string): Promise<string> =>
    from('10.0.0.1', { authorization: basic('gateway', SECRETS.gateway), forwarded });

  it.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['for="[2001:db8::1]"', '2001:db8::1'],
    ['for="[2001:DB8:0:0:0:0:0:1]"', '2001:db8::1'],
    ['for="[::ffff:192.0.2.1]"', '192.0.2.1'],
    ['proto=https;For=192.0.2.1;by=10.0.0.1', '192.0.2.1'],
    // Added on the way from the gateway to auth.
    ['for=192.0.2.1, for=10.0.0.9', '192.0.2.1'],
  ])('takes from the gateway that it is %s', async (forwarded, address) => {
    expect(await throughGateway(forwarded)).toBe(address);
  });

  it.each([
    '',
    'for=unknown',
    'for=_hidden',
    'for=300.1.1.1',
    'for=127.1',
    'for="192.0.2.1',
    'for="[x]"',
    'for=::1',
    'x',
  ])("takes the gateway's own address where it names none: %j", async (forwarded) => {
    expect(await throughGateway(forwarded)).toBe('10.0.0.1');
  });

  it.each<[string, Record<string, string>]>([
    ['nobody', {}],
    ['another client', { authorization: basic('resource', SECRETS.resource) }],
    ['a bearer of something', { authorization: 'Bearer x' }],
  ])('takes from %s that it is where the connection comes from', async (_who, headers) => {
    const forwarded = { forwarded: 'for=192.0.2.1', 'x-forwarded-for': '192.0.2.1' };
    expect(await from('10.0.0.2', { ...headers, ...forwarded })).toBe('10.0.0.2');
    expect(challenges).toEqual([]);
  });

  it.each([
    ['a wrong secret', basic('gateway', SECRETS.resource)],
    ['an unknown client', basic('gatewax', SECRETS.gateway)],
    ['no secret', basic('gateway', '')],
    ['what can not be read', 'basic !!!'],
  ])('refuses %s, and challenges', async (_what, authorization) => {
    const refused = expect.objectContaining({ code: 'invalid_client' }) as Error;
    await expect(from('10.0.0.1', { authorization, forwarded: 'for=192.0.2.1' })).rejects.toEqual(refused);
    expect(challenges).toEqual(['www-authenticate: Basic realm="oauth"']);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, '0.0.0.0'],
  ])('knows a connection from %s as %s', async (remoteAddress, address) => {
    expect(await from(remoteAddress)).toBe(address);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::', '2001:db8:1:3::/64'],
    ['::1', '::/64'],
  ])('counts %s as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('userAgentOf', () => {
  const of = (agent: string | undefined) => userAgentOf({ headers: { 'user-agent': agent } });

  it('is what the client calls itself', () => {
    expect(of('Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101')).toBe('Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101');
  });

  it('has 256 characters at most, all of which can be seen', () => {
    expect(of('x'.repeat(256))).toBe('x'.repeat(256));
    expect(of('x'.repeat(257))).toBe('x'.repeat(256));
    expect(of(' a\tb\u0000\u001b[31mc\u0085é ')).toBe('ab[31mc');
  });

  it.each([undefined, '', ' ', '\u0080'])('is nothing where there is nothing to see: %j', (agent) => {
    expect(of(agent)).toBeUndefined();
  });
});
