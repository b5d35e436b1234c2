/** A client's socket, whatever library it is of. */
export interface SocketConnection {
  tell(event: string, data: unknown): void;
  /** @param code of RFC 6455, section 7.4; Socket.IO has none to send */
  close(code: number, reason: string): void;
}

interface WsSocket {
  readonly readyState: number;
  send(text: string): void;
  close(code: number, reason: string): void;
}

interface IoSocket {
  emit(event: string, data: unknown): unknown;
  disconnect(close: boolean): unknown;
}

const OPEN = 1;

export function connectionOf(client: object): SocketConnection {
  if ('disconnect' in client && typeof client.disconnect === 'function') {
    const socket = client as unknown as IoSocket;
    return {
      tell: (event, data) => void socket.emit(event, data),
      close: () => void socket.disconnect(true),
    };
  }
  const socket = client as WsSocket;
  return {
    tell: (event, data) => {
      if (socket.readyState === OPEN) socket.send(JSON.stringify({ event, data }));
    },
    close: (code, reason) => socket.close(code, reason),
  };
}
