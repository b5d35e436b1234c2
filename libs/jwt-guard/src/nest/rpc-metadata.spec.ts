import { KafkaContext, MqttContext, NatsContext, RedisContext, RmqContext, TcpContext } from '@nestjs/microservices';
import { headers } from '@nats-io/transport-node';
import { MAX_METADATA_BYTES, metadataOf, RpcMetadata } from './rpc-metadata';

interface MqttPacket {
  readonly properties?: { readonly userProperties?: object };
}

const tcp = (metadata?: unknown) => new TcpContext([{}, 'pattern', metadata] as never);
const redis = (metadata?: unknown) => new RedisContext(['channel', metadata] as never);
const rmq = (sent?: unknown) => new RmqContext([{ properties: { headers: sent } }, {}, 'pattern'] as never);
const nats = (sent: Record<string, readonly string[]> = {}) => {
  const made = headers();
  for (const [name, values] of Object.entries(sent)) for (const value of values) made.append(name, value);
  return new NatsContext(['subject', made]);
};

describe('what a message carries beside its data', () => {
  it.each([
    ['TCP', tcp({ Authorization: 'Bearer a', traceparent: 'b' })],
    ['Redis', redis({ Authorization: 'Bearer a', traceparent: 'b' })],
    ['NATS', nats({ Authorization: ['Bearer a'], traceparent: ['b'] })],
    ['RabbitMQ', rmq({ Authorization: 'Bearer a', traceparent: 'b' })],
  ])('is found by names in lower case: %s', (_transport, context) => {
    const metadata = metadataOf(context);
    expect(metadata?.valuesOf('authorization')).toEqual(['Bearer a']);
    expect(metadata?.valuesOf('traceparent')).toEqual(['b']);
    expect(metadata?.valuesOf('txn-token')).toEqual([]);
  });

  it.each([
    ['TCP, spelt in two ways', tcp({ 'Txn-Token': 'a', 'txn-token': 'b' })],
    ['TCP, in a list', tcp({ 'txn-token': ['a', 'b'] })],
    ['Redis, spelt in two ways', redis({ 'Txn-Token': 'a', 'txn-token': 'b' })],
    ['Redis, in a list', redis({ 'txn-token': ['a', 'b'] })],
    ['NATS, under one name', nats({ 'txn-token': ['a', 'b'] })],
    ['NATS, spelt in two ways', nats({ 'Txn-Token': ['a'], 'txn-token': ['b'] })],
    ['RabbitMQ, spelt in two ways', rmq({ 'Txn-Token': 'a', 'txn-token': 'b' })],
    ['RabbitMQ, in a list', rmq({ 'txn-token': ['a', 'b'] })],
  ])('shows that there are two: %s', (_transport, context) => {
    expect(metadataOf(context)?.valuesOf('txn-token')).toEqual(['a', 'b']);
  });

  it('shows that there is a second one, whatever that is', () => {
    for (const other of [{}, true, Buffer.from('b'), '']) {
      expect(metadataOf(tcp({ authorization: 'a', Authorization: other }))?.valuesOf('authorization')).toEqual([
        'a',
        '',
      ]);
    }
    for (const none of [null, undefined, []]) {
      expect(metadataOf(tcp({ authorization: 'a', Authorization: none }))?.valuesOf('authorization')).toEqual(['a']);
    }
  });

  it('is empty where there is a place for it and nothing in it, and is not where there is no place', () => {
    const withPlace = [tcp(), tcp('text'), redis(), nats(), new NatsContext(['subject', undefined]), rmq()];
    for (const context of withPlace) expect(metadataOf(context)?.valuesOf('authorization')).toEqual([]);
    const without = [new MqttContext(['topic', {}]), new KafkaContext([{ headers: {} }] as never), {}];
    for (const context of without) expect(metadataOf(context)).toBeUndefined();
  });

  it('is found where an app says, too', () => {
    const source = (context: object) =>
      context instanceof MqttContext
        ? Object.entries((context.getPacket() as MqttPacket).properties?.userProperties ?? {})
        : undefined;
    const mqtt = new MqttContext(['topic', { properties: { userProperties: { Authorization: 'Bearer a' } } }]);
    expect(metadataOf(mqtt, [source])?.valuesOf('authorization')).toEqual(['Bearer a']);
    expect(metadataOf(new MqttContext(['topic', {}]), [source])).toBeDefined();
    expect(metadataOf(tcp({ authorization: 'Bearer b' }), [source])?.valuesOf('authorization')).toEqual(['Bearer b']);
  });

  it.each<[string, (bytes: number) => unknown]>([
    ['one value', (bytes) => 'a'.repeat(bytes)],
    ['letters of two bytes', (bytes) => 'ä'.repeat(bytes / 2)],
    ['a list', (bytes) => ['a'.repeat(bytes - 101 - 1), 'b'.repeat(100)]],
    ['bytes', (bytes) => Buffer.alloc(bytes)],
    ['something nested', (bytes) => ({ name: { name: 'a'.repeat(bytes - 8) } })],
  ])('is read as long as it is no more than 16 KiB: %s', (_what, valueOf) => {
    const name = 'x-name';
    // A list has indices for names: of two, one character each.
    const largest = new RpcMetadata([[name, valueOf(MAX_METADATA_BYTES - name.length)]]);
    expect(largest.isTooLarge).toBe(false);
    const larger = new RpcMetadata([
      [name, valueOf(MAX_METADATA_BYTES - name.length)],
      ['authorization', ''],
    ]);
    expect(larger.isTooLarge).toBe(true);
    expect(larger.valuesOf(name)).toEqual([]);
  });

  it('is measured however deep it goes', () => {
    let deep: unknown = 'a';
    for (let i = 0; i < 100_000; i++) deep = { b: deep };
    expect(new RpcMetadata([['x-name', deep]]).isTooLarge).toBe(true);
  });
});
