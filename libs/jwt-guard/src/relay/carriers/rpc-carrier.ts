import { type Observable } from 'rxjs';

/** As much of `ClientProxy` (@nestjs/microservices, an optional peer) as is needed here. */
export interface RpcClient {
  send<Result>(pattern: unknown, data: unknown): Observable<Result>;
  emit<Result>(pattern: unknown, data: unknown): Observable<Result>;
  connect?(): Promise<unknown>;
  close(): unknown;
}

/** What travels beside the data, by names in lower case. */
export type CarriedHeaders = Readonly<Record<string, string>>;

/**
 * Makes of what is sent what the client is to be given in its place, so that the headers go with it. Neither what it is
 * given nor anything in it is changed: it may be sent again, and for somebody else.
 *
 * @param data what the app sends: anything that Nest takes, and no record of another transport
 */
export type Load = (data: unknown, headers: CarriedHeaders) => unknown;

/** How one transport carries headers beside a message's data. Each has a file of its own. */
export interface RpcCarrier {
  /**
   * Sees to it that the client can carry, once.
   *
   * @throws TypeError saying why this client can't
   */
  prepare(client: RpcClient): Load;
}

/** The carriers that come with the library, by what `transport` of a contract calls them. */
export type RpcTransport = 'tcp' | 'redis' | 'nats' | 'rmq' | 'envelope';
