import { concat, firstValueFrom, lastValueFrom, type Observable, of, throwError, toArray } from 'rxjs';
import { RelayClientProxy, type RpcCarrier, TokenRelay } from '../src';
import { resolveRelayOptions } from '../src/relay/relay-options';

const carrier: RpcCarrier = { prepare: () => (data) => data };
const BROKEN = new Error('Connection closed');

describe('a message that gets no answer because its connection breaks', () => {
  let sent: string[];
  beforeEach(() => {
    sent = [];
  });

  /** @param answers of the client, one call after the other */
  function proxy(...answers: Observable<unknown>[]): RelayClientProxy {
    const client = {
      send: <Result>(pattern: unknown) => {
        sent.push(String(pattern));
        return (answers.shift() ?? of('late')) as Observable<Result>;
      },
      emit: <Result>() => of() as Observable<Result>,
      close: () => undefined,
    };
    const peer = { audience: 'peer', mode: 'none', transport: carrier, repeatable: ['read'] } as const;
    return new RelayClientProxy(client, 'peer', new TokenRelay({ destinations: { peer } }));
  }
  const ask = (of: RelayClientProxy, pattern: string): Promise<unknown> => firstValueFrom(of.send(pattern, {}));
  const broken = (): Observable<never> => throwError(() => BROKEN);

  it('is sent once more if its pattern is repeatable, and never otherwise', async () => {
    expect(await ask(proxy(broken(), of('answer')), 'read')).toBe('answer');
    expect(sent).toEqual(['read', 'read']);
    await expect(ask(proxy(broken(), of('answer')), 'write')).rejects.toMatchObject({ status: 502 });
    expect(sent).toEqual(['read', 'read', 'write']);
  });

  it('is sent no third time', async () => {
    await expect(ask(proxy(broken(), broken(), of('answer')), 'read')).rejects.toMatchObject({ status: 502 });
    expect(sent).toEqual(['read', 'read']);
  });

  it('is not sent again once there was an answer', async () => {
    const answers = proxy(concat(of(1), broken()), of(2)).send<number>('read', {});
    await expect(lastValueFrom(answers.pipe(toArray()))).rejects.toMatchObject({ status: 502 });
    expect(sent).toEqual(['read']);
  });

  it('is not sent again for what the destination says', async () => {
    const refused = throwError(() => ({ status: 503, code: 'unavailable', error: 'x' }));
    await expect(ask(proxy(refused, of('answer')), 'read')).rejects.toMatchObject({ status: 503 });
    expect(sent).toEqual(['read']);
  });
});

describe('the option repeatable', () => {
  const resolved = (repeatable: unknown) =>
    resolveRelayOptions({
      destinations: { peer: { audience: 'peer', mode: 'none', repeatable: repeatable as string[] } },
    }).contracts.get('peer')?.repeatable;

  it('is a list of patterns, and empty where there is none', () => {
    expect(resolved(['read'])).toEqual(['read']);
    expect(resolved(undefined)).toEqual([]);
  });

  it.each([[['']], [[1]]])('is not %j', (repeatable) => {
    expect(() => resolved(repeatable)).toThrow('destinations.peer.repeatable: must be a list of patterns');
  });
});
