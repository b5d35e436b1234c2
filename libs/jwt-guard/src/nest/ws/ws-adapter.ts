import { type IncomingMessage } from 'node:http';

/** As much of Nest's `WebSocketAdapter` as is needed here. */
export interface WsAdapter {
  create(port: number, options?: ServerOptions): object;
  bindClientConnect(server: object, callback: (client: object, ...more: unknown[]) => void): unknown;
  bindMessageHandlers(client: object, handlers: MessageHandler[], transform: unknown): unknown;
}

export interface MessageHandler {
  readonly message: unknown;
  readonly callback: (...parameters: unknown[]) => unknown;
}

/** Options of a gateway's server; `ws` knows the first two, Socket.IO the third. */
export interface ServerOptions {
  readonly port?: number;
  readonly path?: string;
  readonly namespace?: unknown;
  readonly verifyClient?: VerifyClient;
  readonly handleProtocols?: (protocols: Set<string>, request: IncomingMessage) => string | false;
  readonly allowRequest?: AllowRequest;
  readonly connectionStateRecovery?: unknown;
}

export type Verified = (
  result: boolean,
  status?: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
) => void;
export type VerifyClient = (info: { readonly req: IncomingMessage }, callback: Verified) => unknown;
export type AllowRequest = (
  request: IoRequest,
  callback: (error: string | null | undefined, success: boolean) => void,
) => void;
export type IoRequest = IncomingMessage & {
  readonly res?: {
    writeHead(status: number, headers: Readonly<Record<string, string>>): { end(body: string): void };
  };
};
