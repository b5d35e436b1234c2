/**
 * What a server that drains says on a connection, so that its client makes another: a packet that belongs to no call, which
 * Nest's own clients pass over. The server goes on answering; it is the client that ends the connection, when everything
 * on it is answered. So no call is ever sent into a connection that is being ended.
 */
export const GOODBYE = Object.freeze({ goodbye: true });

export function isGoodbye(packet: unknown): boolean {
  return typeof packet === 'object' && packet !== null && (packet as Partial<typeof GOODBYE>).goodbye === true;
}
