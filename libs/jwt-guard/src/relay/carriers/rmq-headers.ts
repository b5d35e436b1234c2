import { packageOf } from './nest-clients';
import { withRelayed } from '../relayed-headers';
import { type RpcCarrier } from './rpc-carrier';

/** RabbitMQ: the headers among the message's properties. A caller's own record keeps its options. */
export const rmqHeaders: RpcCarrier = {
  prepare(client) {
    const { RmqRecord, RmqRecordBuilder } = packageOf(client, 'ClientRMQ', 'rmq');
    return (data, carried) => {
      const record = data instanceof RmqRecord ? data : undefined;
      const options = { ...record?.options, headers: withRelayed(record?.options?.headers, carried) };
      return new RmqRecordBuilder(record ? record.data : data).setOptions(options as object).build();
    };
  },
};
