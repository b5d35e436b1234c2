import { ClientMqtt, ClientTCP, MqttContext, MqttRecord, MqttRecordBuilder } from '@nestjs/microservices';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { mqtt5, mqtt5Metadata } from './transports/mqtt5';

const page = readFileSync(resolve(__dirname, '../../../docs/relay-rpc.md'), 'utf8');
const file = readFileSync(resolve(__dirname, 'transports/mqtt5.ts'), 'utf8');

describe('the transport that the documentation adds', () => {
  /** As `ClientMqtt` is, which can't be made without the package of MQTT. */
  const client = (protocolVersion: number): ClientMqtt =>
    Object.assign(Object.create(ClientMqtt.prototype) as ClientMqtt, { options: { protocolVersion } });

  it('is this one', () => {
    expect(page).toContain(file.replace("'../../src'", "'@token-relay/jwt-guard'"));
  });

  it('carries headers beside the data, and keeps what a record has besides', () => {
    const load = mqtt5.prepare(client(5));
    expect(load({ n: 1 }, { authorization: 'Bearer a' })).toEqual(
      new MqttRecord({ n: 1 }, { properties: { userProperties: { authorization: 'Bearer a' } } }),
    );
    const userProperties = { own: '1', Authorization: 'Bearer of-another' };
    const record = new MqttRecordBuilder({ n: 1 }).setQoS(1).setProperties({ userProperties }).build();
    expect(load(record, { authorization: 'Bearer a' })).toEqual(
      new MqttRecord({ n: 1 }, { qos: 1, properties: { userProperties: { own: '1', authorization: 'Bearer a' } } }),
    );
    expect(record.options?.properties?.userProperties).toBe(userProperties);
  });

  it('is refused for a client that would lose the headers', () => {
    for (const other of [client(4), new ClientTCP({})]) expect(() => mqtt5.prepare(other)).toThrow(TypeError);
  });

  it('finds them, and no place for them on other transports', () => {
    const userProperties = { authorization: 'Bearer a', own: ['1', '2'] };
    expect(mqtt5Metadata(new MqttContext(['topic', { properties: { userProperties } }]))).toEqual([
      ['authorization', 'Bearer a'],
      ['own', ['1', '2']],
    ]);
    expect(mqtt5Metadata(new MqttContext(['topic', {}]))).toEqual([]);
    expect(mqtt5Metadata({})).toBeUndefined();
  });
});
