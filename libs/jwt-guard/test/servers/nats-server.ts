import { answers, ServerProcess, startOnFreePorts, type TestServer } from './server-process';

/** A NATS server of its own on 127.0.0.1; or the one that `TEST_NATS_URL` names. */
export async function startNats(): Promise<TestServer> {
  const given = process.env.TEST_NATS_URL;
  if (given) return { url: given, stop: () => Promise.resolve() };
  return startOnFreePorts(1, async (port) => {
    // Debian keeps it where only an administrator's PATH leads.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    const options = ['--addr', '127.0.0.1', '--port', String(port)];
    const server = await ServerProcess.start('nats-server', options, 'nats-server', { env });
    await server.until(() => answers(port, Buffer.from('PING\r\n'), 'INFO'), 10_000);
    return { url: `nats://127.0.0.1:${port}`, stop: () => server.stop() };
  });
}
