import { packageOf } from './nest-clients';
import { isRelayed } from '../relayed-headers';
import { type RpcCarrier } from './rpc-carrier';

/** As much of the `MsgHdrs` of NATS as is needed here. */
interface NatsHeaders {
  keys(): Iterable<string>;
  values(name: string): Iterable<string>;
  append(name: string, value: string): void;
}
interface NatsClient {
  /** Of `ClientNats`, in Nest 11 as in 12: those of the request, and those of the client's options which it lacks. */
  readonly mergeHeaders: (
    this: { readonly options: { readonly headers: object } },
    ofRequest: undefined,
  ) => NatsHeaders;
}
interface Record {
  readonly data: unknown;
  readonly headers?: NatsHeaders;
}

/** NATS: the headers of the message. A caller's own record keeps the headers that it has besides. */
export const natsHeaders: RpcCarrier = {
  prepare(client) {
    const { NatsRecord, NatsRecordBuilder } = packageOf(client, 'ClientNats', 'nats');
    // Headers can only be made by the package of NATS that the client has loaded, which has changed its name.
    const { mergeHeaders } = client as unknown as NatsClient;
    return (data, carried) => {
      const record = (data instanceof NatsRecord ? data : { data }) as Record;
      const headers = mergeHeaders.call({ options: { headers: carried } }, undefined);
      for (const name of record.headers?.keys() ?? []) {
        if (isRelayed(name)) continue;
        for (const value of record.headers?.values(name) ?? []) headers.append(name, value);
      }
      return new NatsRecordBuilder(record.data).setHeaders(headers).build();
    };
  },
};
