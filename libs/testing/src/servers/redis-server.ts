import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { givenServer, onFreePort, ServerProcess, type TestServer } from './server-process';

export const REDIS = { name: 'redis-server', debianPackage: 'redis-server', variable: 'TEST_REDIS_URL' };

/** A Redis of a test's own: one that it may freeze, kill and start again. */
export interface OwnRedis extends TestServer {
  /** As SIGSTOP, which freezes it, and SIGCONT. */
  signal(name: NodeJS.Signals): void;
}

/** A Redis on 127.0.0.1 that saves nothing; or the one that `TEST_REDIS_URL` names. */
export async function startRedis(): Promise<TestServer> {
  return givenServer(REDIS.variable, 6379) ?? startOwnRedis();
}

/**
 * A Redis of its own on 127.0.0.1 that saves nothing, whatever `TEST_REDIS_URL` names.
 *
 * @param parameters of the command line, besides
 * @param port to take; one that is free if there is none
 */
export async function startOwnRedis(parameters: readonly string[] = [], port?: number): Promise<OwnRedis> {
  return port === undefined ? onFreePort((free) => start(parameters, free)) : start(parameters, port);
}

async function start(parameters: readonly string[], port: number): Promise<OwnRedis> {
  const server = ServerProcess.start(REDIS, () => ({
    parameters: [...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], ...parameters],
  }));
  await server.until(/Ready to accept connections/, 10_000);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: () => server.stop(),
    signal: (name) => server.signal(name),
  };
}

/** PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * A Redis of its own that speaks TLS alone, and with those alone that have a certificate.
 *
 * @param parameters of the command line, besides
 */
export function startTlsRedis({ cert, key, ca }: TlsFiles, parameters: readonly string[] = []): Promise<OwnRedis> {
  return onFreePort(async (port) => {
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca];
    const tls = ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'yes', ...files];
    const redis = await start([...tls, ...parameters], port);
    return { ...redis, url: `rediss://127.0.0.1:${port}` };
  });
}

/** Three Redis nodes that share the hash slots among them; `url` names them all. */
export async function startRedisCluster(): Promise<TestServer> {
  const nodes: OwnRedis[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    for (let i = 0; i < 3; i++) {
      // The bus of the nodes has a port of its own, which is 10000 further by default: that may be taken, or too high.
      nodes.push(
        await onFreePort((bus) =>
          startOwnRedis(['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', '2000']),
        ),
      );
    }
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    const cli = promisify(execFile);
    await cli('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'], { timeout: 30_000 });
    return { url: nodes.map(({ url }) => url).join(','), port: nodes[0]?.port ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
