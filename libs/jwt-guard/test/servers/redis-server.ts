import { answers, ServerProcess, startOnFreePorts, temporaryFolder, type TestServer } from './server-process';

/** A Redis of its own on 127.0.0.1, without a file; or the one that `TEST_REDIS_URL` names. */
export async function startRedis(): Promise<TestServer> {
  const given = process.env.TEST_REDIS_URL;
  if (given) return { url: given, stop: () => Promise.resolve() };
  return startOnFreePorts(1, async (port) => {
    const folder = temporaryFolder();
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const server = await ServerProcess.start('redis-server', [...options, '--dir', folder.path], 'redis-server');
    await server.until(() => answers(port, Buffer.from('PING\r\n'), '+PONG'), 10_000);
    return {
      url: `redis://127.0.0.1:${port}`,
      async stop() {
        await server.stop();
        folder.remove();
      },
    };
  });
}
