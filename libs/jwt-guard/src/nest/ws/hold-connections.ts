import { runInContext } from '../../relay/relay-context';
import { type Gateway } from './gateways';
import { type SocketSessions } from './socket-sessions';

const held = new WeakSet<object>();

/**
 * `handleConnection` is no handler that Nest guards: in these gateways it waits until it is known for whom the socket is.
 * `handleDisconnect` is called for whom it was.
 */
export function holdConnections(gateways: readonly Gateway[], sessions: SocketSessions): void {
  for (const { instance } of gateways) {
    if (!instance?.handleConnection || held.has(instance)) continue;
    held.add(instance);
    const connected = new WeakSet<object>();
    const connect = instance.handleConnection.bind(instance);
    const disconnect = instance.handleDisconnect?.bind(instance);
    instance.handleConnection = (client, ...more) => {
      const session = sessions.of(client);
      session?.whenAdmitted(() => {
        connected.add(client);
        runInContext(session.connectionCall(), () => connect(client, ...more));
      });
    };
    if (!disconnect) continue;
    instance.handleDisconnect = (client, ...more) => (connected.has(client) ? disconnect(client, ...more) : undefined);
  }
}
