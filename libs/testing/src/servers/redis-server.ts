import { givenServer, onFreePort, ServerProcess, type TestServer } from './server-process';

export const REDIS = { name: 'redis-server', debianPackage: 'redis-server', variable: 'TEST_REDIS_URL' };

/** A Redis of its own on 127.0.0.1 that saves nothing; or the one that `TEST_REDIS_URL` names. */
export async function startRedis(): Promise<TestServer> {
  const given = givenServer(REDIS.variable, 6379);
  if (given) return given;
  return onFreePort(async (port) => {
    const server = ServerProcess.start(REDIS, () => ({
      parameters: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    }));
    await server.until(/Ready to accept connections/, 10_000);
    return { url: `redis://127.0.0.1:${port}`, port, stop: () => server.stop() };
  });
}
