import { enclose } from '../../nest/rpc-envelope';
import { isRecord, nestClientName } from './nest-clients';
import { type RpcCarrier } from './rpc-carrier';

/**
 * For transports that have no place for headers: they are put around the data. The server has to be told to expect that,
 * by `rpcEnvelopes`.
 */
export const envelope: RpcCarrier = {
  prepare(client) {
    const name = nestClientName(client);
    if (name === 'ClientNats' || name === 'ClientRMQ') {
      throw new TypeError(
        `transport: no server opens an envelope from ${name}, whose messages have headers: use those`,
      );
    }
    return (data, headers) => {
      if (!isRecord(data)) return enclose(headers, data);
      // A record of the same kind, with the options that it has.
      const copy = Object.create(Object.getPrototypeOf(data) as object) as object;
      return Object.assign(copy, data, { data: enclose(headers, data.data) });
    };
  },
};
