import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, ServerProcess, startOnFreePorts, temporaryFolder, type TestServer } from './server-process';

/** Where Debian keeps the script that doesn't insist on its own user. */
const COMMAND = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** A RabbitMQ of its own on 127.0.0.1, with all that it writes in a folder of its own; or that of `TEST_RABBITMQ_URL`. */
export async function startRabbitMq(): Promise<TestServer> {
  const given = process.env.TEST_RABBITMQ_URL;
  if (given) return { url: given, stop: () => Promise.resolve() };
  return startOnFreePorts(3, async (port, distribution, portMapper) => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    writeFileSync(at('plugins'), '[].');
    const env = {
      ...process.env,
      HOME: folder.path,
      RABBITMQ_NODENAME: `test-${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(portMapper),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_MNESIA_BASE: at('mnesia'),
      RABBITMQ_LOG_BASE: at('log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_PID_FILE: at('pid'),
      RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
      RABBITMQ_CONF_ENV_FILE: at('none'),
      RABBITMQ_CONFIG_FILE: at('none'),
      RABBITMQ_GENERATED_CONFIG_DIR: at('generated'),
      RABBITMQ_FEATURE_FLAGS_FILE: at('feature-flags'),
    };
    // Erlang would start a port mapper by itself, and leave it behind.
    const mapper = await ServerProcess.start('epmd', [], 'rabbitmq-server', { env });
    const stopMapper = async (): Promise<void> => {
      await mapper.stop();
      folder.remove();
    };
    try {
      const server = await ServerProcess.start(COMMAND, [], 'rabbitmq-server', { env });
      // The server's part of the protocol begins after the client's header (AMQP 0-9-1, section 4.2.2).
      await server.until(() => answers(port, Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'), '\x01'), 60_000);
      return {
        url: `amqp://guest:guest@127.0.0.1:${port}`,
        async stop() {
          await server.stop();
          await stopMapper();
        },
      };
    } catch (error) {
      await stopMapper();
      throw error;
    }
  });
}
