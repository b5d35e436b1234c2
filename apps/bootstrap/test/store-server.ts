import { type OwnRedis, startTlsRedis, type TlsFiles } from '@token-relay/testing/servers';
import Redis, { type RedisOptions } from 'ioredis';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate, makeAuthority, namesOf } from '../src/certificates';
import { redisUsers } from '../src/redis-users';
import { type Store, type StoreUser } from '../src/stores';

/** A Redis with the users, and the certificate, that bootstrap makes for a store. It keeps what it is told, as a store does. */
export class StoreServer {
  readonly #clients: Redis[] = [];

  private constructor(
    private redis: OwnRedis,
    private readonly files: TlsFiles,
    private readonly folder: string,
    private readonly passwordOf: (user: Pick<StoreUser, 'name'>) => string,
    private readonly tls: NonNullable<RedisOptions['tls']>,
  ) {}

  static async start(store: Store, passwordOf: (user: Pick<StoreUser, 'name'>) => string): Promise<StoreServer> {
    const now = new Date();
    const authority = await makeAuthority(now);
    const server = await issueCertificate(authority, namesOf(store.name, 'token-relay', true), now);
    const client = await issueCertificate(authority, namesOf('client', 'token-relay', false), now);
    const folder = mkdtempSync(join(tmpdir(), 'redis-users-'));
    const put = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const files = {
      cert: put('tls.crt', server['tls.crt']),
      key: put('tls.key', server['tls.key']),
      ca: put('ca.crt', server['ca.crt']),
    };
    put('users.acl', redisUsers(store, passwordOf));
    const redis = await startIn(folder, files);
    const tls = { ca: client['ca.crt'], cert: client['tls.crt'], key: client['tls.key'] };
    return new StoreServer(redis, files, folder, passwordOf, tls);
  }

  /** Ends it, and starts it again with what it has written down. */
  async restart(): Promise<void> {
    this.disconnect();
    await this.redis.stop();
    this.redis = await startIn(this.folder, this.files);
  }

  /** With a certificate of the CA, and nothing else. */
  connect(options: RedisOptions): Redis {
    // What a user may not do is told at the command, not by asking for INFO.
    const settings = {
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      disconnectTimeout: 100,
      tls: this.tls,
      ...options,
    };
    const client = new Redis(this.redis.port, '127.0.0.1', settings);
    client.on('error', () => undefined);
    this.#clients.push(client);
    return client;
  }

  as(username: string): Redis {
    return this.connect({ username, password: this.passwordOf({ name: username }) });
  }

  probe(): Redis {
    return this.connect({ username: 'probe', password: 'any' });
  }

  withoutCertificate(): Redis {
    return this.connect({ username: 'probe', password: 'any', tls: { ca: this.tls.ca } });
  }

  disconnect(): void {
    for (const client of this.#clients.splice(0)) client.disconnect();
  }

  async stop(): Promise<void> {
    await this.redis.stop();
    rmSync(this.folder, { recursive: true });
  }
}

function startIn(folder: string, files: TlsFiles): Promise<OwnRedis> {
  const kept = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'];
  return startTlsRedis(files, [...kept, '--aclfile', join(folder, 'users.acl')]);
}
