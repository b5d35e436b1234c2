import { join } from 'node:path';
import { givenServer, onFreePort, ServerProcess, type TestServer } from './server-process';

export const RABBITMQ = {
  name: 'rabbitmq-server',
  debianPackage: 'rabbitmq-server',
  variable: 'TEST_RABBITMQ_URL',
  // The one on Debian's PATH insists on its own user and on /var/lib/rabbitmq.
  folders: ['/usr/lib/rabbitmq/bin'],
};

const NODE = 'rabbit@localhost';

/**
 * A node is known to others by a port mapper, which Erlang starts for it and leaves behind. This one has no use for
 * others: it doesn't listen for them, and starts no mapper. RabbitMQ still asks for the port that it doesn't listen
 * on, so there is one to answer with. By the environment, as RabbitMQ starts another Erlang once a minute to see to
 * it that there is a mapper.
 */
const ALONE = {
  ERL_FLAGS: '-dist_listen false -start_epmd false -erl_epmd_port 1',
  // Where nobody listens, so that it isn't made known to a mapper that is there for another server.
  ERL_EPMD_PORT: '1',
};

/**
 * A RabbitMQ of its own on 127.0.0.1, without plugins, with all that it writes in a temporary folder; or the one that
 * `TEST_RABBITMQ_URL` names.
 */
export async function startRabbitMq(): Promise<TestServer> {
  const given = givenServer(RABBITMQ.variable, 5672);
  if (given) return given;
  return onFreePort(async (port) => {
    const server = ServerProcess.start(RABBITMQ, (folder) => ({
      environment: {
        ...ALONE,
        // The script becomes the server, instead of waiting for it: there is one process to end.
        detached: 'yes',
        RABBITMQ_NODENAME: NODE,
        RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
        RABBITMQ_NODE_PORT: String(port),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-sname ${NODE}`,
        // RabbitMQ forbids Erlang to wait awake, which makes it start twice as slowly on a virtual machine.
        RABBITMQ_SERVER_ERL_ARGS: '+sbwt short',
        RABBITMQ_LOGS: '-',
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_MNESIA_BASE: join(folder, 'data'),
        RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'generated'),
        RABBITMQ_PID_FILE: join(folder, 'pid'),
        // None of these is there; by default they are those in /etc/rabbitmq.
        RABBITMQ_CONF_ENV_FILE: join(folder, 'environment'),
        RABBITMQ_CONFIG_FILE: join(folder, 'configuration'),
        RABBITMQ_CONFIG_FILES: join(folder, 'configurations'),
        RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      },
    }));
    await server.until(/Server startup complete/, 60_000);
    return { url: `amqp://guest:guest@127.0.0.1:${port}`, port, stop: () => server.stop() };
  });
}
