import { MqttContext, MqttRecord } from '@nestjs/microservices';
import { isRelayed, type RpcCarrier, type RpcMetadataSource } from '../../src';

/** The client's half: MQTT 5 has user properties. A caller's own record keeps its options. */
export const mqtt5: RpcCarrier = {
  prepare(client) {
    const { options } = client as { options?: { protocolVersion?: number } };
    if (options?.protocolVersion !== 5) throw new TypeError('MQTT before 5 has no user properties');
    return (data, headers) => {
      const record = data instanceof MqttRecord ? data : new MqttRecord(data);
      const { properties } = record.options ?? {};
      const own = Object.entries(properties?.userProperties ?? {}).filter(([name]) => !isRelayed(name));
      const userProperties = { ...Object.fromEntries(own), ...headers };
      return new MqttRecord(record.data, { ...record.options, properties: { ...properties, userProperties } });
    };
  },
};

/** The server's half. */
export const mqtt5Metadata: RpcMetadataSource = (context) => {
  if (!(context instanceof MqttContext)) return undefined;
  const { properties } = context.getPacket() as { properties?: { userProperties?: object } };
  return Object.entries(properties?.userProperties ?? {});
};
