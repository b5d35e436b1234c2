import { connect } from 'node:net';
import { once } from 'node:events';

/**
 * One message to a Nest service over TCP, and the packet that comes back: `<length>#<JSON>` both ways. Written
 * by hand, so that it can send what Nest's own client wouldn't.
 */
export async function callRpc(address: string, packet: object): Promise<Record<string, unknown>> {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    await once(socket, 'connect');
    const text = JSON.stringify({ id: '1', ...packet });
    socket.write(`${text.length}#${text}`);
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      const [length = '', ...rest] = received.split('#');
      const body = rest.join('#');
      if (rest.length > 0 && body.length >= Number(length)) return JSON.parse(body) as Record<string, unknown>;
    }
    throw new Error(`the connection ended after: ${received}`);
  } finally {
    socket.destroy();
  }
}
