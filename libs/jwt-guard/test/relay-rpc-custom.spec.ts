import { type ChainNetwork, describeChain } from './transports/relay-chain';
import { PlainClient, PlainContext, PlainRecord, PlainServer } from './transports/plain-transport';

const start = (callsHooks: boolean) => (): Promise<ChainNetwork> => {
  const servers = { b: new PlainServer({ callsHooks }), c: new PlainServer({ callsHooks }) };
  return Promise.resolve({
    options: (service) => ({ strategy: servers[service] }),
    client: (service) => new PlainClient(() => servers[service].port),
    stop: () => Promise.resolve(),
  });
};

// A quarter of a minute for each 10,000: once for each carrier, and less where another test has them.
describe.each([
  ['that calls the hooks of Nest', true],
  ['that calls no hook', false],
])('a server %s', (_name, callsHooks) => {
  describeChain({
    name: 'a transport that has no place for headers, in envelopes',
    contract: { transport: 'envelope' },
    guard: { rpcEnvelopes: true },
    start: start(callsHooks),
    interleaved: 2_000,
  });

  describeChain({
    name: 'a transport with headers of its own',
    contract: { transport: { prepare: () => (data, headers) => new PlainRecord(data, headers) } },
    guard: {
      rpcMetadata: [(context) => (context instanceof PlainContext ? Object.entries(context.headers ?? {}) : undefined)],
    },
    start: start(callsHooks),
    interleaved: 2_000,
  });
});
