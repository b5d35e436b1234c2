import { givenServer, ServerProcess, type TestServer } from './server-process';

export const NATS = { name: 'nats-server', debianPackage: 'nats-server', variable: 'TEST_NATS_URL' };

/** A NATS server of its own on 127.0.0.1, without JetStream; or the one that `TEST_NATS_URL` names. */
export async function startNats(): Promise<TestServer> {
  const given = givenServer(NATS.variable, 4222);
  if (given) return given;
  const server = ServerProcess.start(NATS, () => ({
    // The port -1 is any that is free.
    parameters: ['--addr', '127.0.0.1', '--port', '-1'],
  }));
  const [, port] = await server.until(/connections on 127\.0\.0\.1:(\d+)[^]*Server is ready/, 10_000);
  return { url: `nats://127.0.0.1:${port}`, port: Number(port), stop: () => server.stop() };
}
