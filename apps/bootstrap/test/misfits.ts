import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { CLIENTS, type Contents, SERVERS } from '../src/secrets';
import { STORES } from '../src/stores';

const sha256 = (text: string, encoding: 'hex' | 'base64url'): string =>
  createHash('sha256').update(text).digest(encoding);

/** What in a whole system doesn't fit the rest of it: each as a line, none if all is well. */
export function misfits(secrets: ReadonlyMap<string, Contents>): string[] {
  const text = (name: string, key: string): string => secrets.get(name)?.[key] ?? '';
  const found: string[] = [];
  const authority = new X509Certificate(text('ca', 'ca.crt'));
  if (!authority.checkPrivateKey(createPrivateKey(text('ca', 'ca.key')))) found.push('ca');
  for (const server of SERVERS) {
    const name = `${server}-tls`;
    const certificate = new X509Certificate(text(name, 'tls.crt'));
    if (!certificate.checkPrivateKey(createPrivateKey(text(name, 'tls.key')))) found.push(`${name}: key`);
    if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) found.push(`${name}: issuer`);
    if (certificate.checkHost(server) === undefined) found.push(`${name}: host`);
    if (text(name, 'ca.crt') !== text('ca', 'ca.crt')) found.push(`${name}: ca.crt`);
  }
  const { clients } = JSON.parse(text('auth', 'clients.json')) as { clients: { id: string; secrets?: string[] }[] };
  for (const client of CLIENTS) {
    const digest = `sha256:${sha256(text(`${client}-client`, 'client-secret'), 'base64url')}`;
    if (clients.find(({ id }) => id === client)?.secrets?.join() !== digest) found.push(`${client}-client`);
  }
  for (const { name: store, users } of STORES) {
    for (const { name: user, secret } of users) {
      const { username, password, hostname } = new URL(text(secret, 'redis-url'));
      const line = `user ${user} on sanitize-payload #${sha256(password, 'hex')} `;
      if (username !== user || hostname !== store || !text(store, 'users.acl').includes(line)) {
        found.push(`${secret}: redis-url`);
      }
    }
  }
  return found;
}
