import { type RelayHttpClient, type RelayRequest, type Revocation, type TokenRelay } from '@token-relay/jwt-guard';
import { RevocationWatch } from '@token-relay/service-kit';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsoleEvents } from './console-events';
import { HEARD_CONTRACT } from './heard-contract';
import { RevocationReports } from './revocation-reports';

/** A service's watch, and what it hears. */
class Service {
  hear: (entries: readonly Revocation[]) => void = () => undefined;
  readonly watch = new RevocationWatch({
    onRevoked: (told) => {
      this.hear = told;
      return () => undefined;
    },
  });
}

interface Told {
  readonly kind: string;
  readonly id: string;
  readonly heard: Readonly<Record<string, number>>;
}

const ENTRY = { kind: 'sid', value: '0f8fad5b-d9cb-469f-a165-70867728950e', until: 2_000_000_000 } as const;

describe('RevocationReports', () => {
  let gateway: Service;
  let resource: Service;
  let audit: Service;
  let events: ConsoleEvents;
  let told: Told[];
  /** What resource answers, the first time first; the last one from then on. */
  let answers: (() => { readonly statusCode: number; readonly text: string })[];
  let asked: { readonly contract: string; readonly request: RelayRequest; readonly asService: boolean }[];
  let isAsService: boolean;
  let reports: RevocationReports;

  const heardBy = (services: object) => ({ statusCode: 200, text: JSON.stringify(services) });
  const all = () => heardBy({ resource: resource.watch.heard, audit: audit.watch.heard });

  function made(RESOURCE_URL: string | undefined): RevocationReports {
    const relay = {
      runAsService: <Result>(run: () => Result): Result => {
        isAsService = true;
        try {
          return run();
        } finally {
          isAsService = false;
        }
      },
    };
    const client = {
      request: (contract: string, request: RelayRequest) => {
        asked.push({ contract, request, asService: isAsService });
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        return new Promise((resolve) => {
          const { statusCode, text } = answer?.() ?? { statusCode: 503, text: '' };
          resolve({ statusCode, body: Readable.from([Buffer.from(text)]) });
        });
      },
    };
    const asClient = client as unknown as RelayHttpClient;
    const created = new RevocationReports(events, gateway.watch, relay, asClient, { RESOURCE_URL });
    created.onModuleInit();
    return created;
  }

  beforeEach(() => {
    [gateway, resource, audit] = [new Service(), new Service(), new Service()];
    events = new ConsoleEvents();
    [told, asked, answers, isAsService] = [[], [], [all], false];
    events.listen(({ name, data }) => {
      if (name === 'revoked') told.push(data as Told);
    });
    reports = made('http://resource.test');
  });
  afterEach(() => reports.onModuleDestroy());

  /** Waits until it holds. Fails after four seconds. */
  async function until(holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 4_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error('it did not come to that');
      await sleep(5);
    }
  }

  it('tells at once that this service has heard, and of the others when they say so', async () => {
    gateway.hear([ENTRY]);
    expect(told).toEqual([{ kind: 'sid', id: '0f8fad5b', heard: { gateway: 0 } }]);
    resource.hear([ENTRY]);
    await until(() => told.length === 2);
    expect(Object.keys(told[1]?.heard ?? {})).toEqual(['gateway', 'resource']);
    audit.hear([ENTRY]);
    await until(() => told.length === 3);
    const { heard = {} } = told[2] ?? {};
    expect(Object.keys(heard)).toEqual(['gateway', 'resource', 'audit']);
    expect(Math.min(...Object.values(heard))).toBe(0);
    expect(heard.audit).toBeGreaterThanOrEqual(heard.resource ?? NaN);
  });

  it('asks for this service itself, by its own contract, and no more once all have heard', async () => {
    for (const service of [resource, audit, gateway]) service.hear([ENTRY]);
    await until(() => told.length === 2);
    const { signal, ...request } = asked[0]?.request ?? ({} as Partial<RelayRequest>);
    expect(request).toEqual({ method: 'GET', path: '/revocations/heard', timeoutMs: 2_000 });
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(asked).toEqual([expect.objectContaining({ contract: HEARD_CONTRACT, asService: true })]);
    await sleep(200);
    expect(asked).toHaveLength(1);
  });

  it.each<[string, () => { readonly statusCode: number; readonly text: string }]>([
    ['fails', () => ({ statusCode: 500, text: '{"code":"internal_error"}' })],
    ['says that it may not', () => ({ statusCode: 403, text: '{"code":"actor_not_allowed"}' })],
    ['answers what is no JSON', () => ({ statusCode: 200, text: '<html>' })],
    ['answers something else', () => heardBy({ resource: [{ mark: 1 }] })],
    ['answers null', () => ({ statusCode: 200, text: 'null' })],
    ['answers without an end', () => heardBy({ resource: [], more: 'x'.repeat(100_000) })],
    [
      'can not be reached',
      () => {
        throw new Error('it can not be reached');
      },
    ],
  ])('asks again when resource %s, and has told nothing that is not so', async (_how, answer) => {
    answers = [answer, all];
    for (const service of [resource, audit, gateway]) service.hear([ENTRY]);
    await until(() => told.length === 2);
    expect(Object.keys(told[0]?.heard ?? {})).toEqual(['gateway']);
    expect(Object.keys(told[1]?.heard ?? {})).toEqual(['gateway', 'resource', 'audit']);
    expect(asked).toHaveLength(2);
  });

  it('follows the latest where there are more than it follows', async () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ ...ENTRY, value: `${i}-of-many-sessions-that-end` }));
    answers = [all];
    for (const service of [resource, audit, gateway]) service.hear(many);
    const complete = () => told.filter(({ heard }) => Object.keys(heard).length === 3).map(({ id }) => id);
    await until(() => complete().length >= 32);
    expect(complete()).toContain('39-of-ma');
    expect(complete()).not.toContain('0-of-man');
  });

  it('tells what resource has heard where audit can not be asked', async () => {
    answers = [() => heardBy({ resource: resource.watch.heard })];
    for (const service of [resource, gateway]) service.hear([ENTRY]);
    await until(() => told.length === 2);
    expect(Object.keys(told[1]?.heard ?? {})).toEqual(['gateway', 'resource']);
  });

  it('takes another’s revocation for none of its own', async () => {
    resource.hear([{ ...ENTRY, value: '0f8fad5b-0000-469f-a165-70867728950e' }]);
    gateway.hear([ENTRY]);
    await until(() => asked.length >= 2);
    expect(told).toHaveLength(1);
  });

  it('asks nobody while nobody looks on', async () => {
    const alone = new Service();
    const quiet = new ConsoleEvents();
    const request = jest.fn();
    const client = { request } as unknown as RelayHttpClient;
    const relay = { runAsService: (run: () => unknown) => run() } as unknown as TokenRelay;
    const unseen = new RevocationReports(quiet, alone.watch, relay, client, { RESOURCE_URL: 'http://resource.test' });
    unseen.onModuleInit();
    alone.hear([ENTRY]);
    await sleep(60);
    unseen.onModuleDestroy();
    expect(request).not.toHaveBeenCalled();
  });

  it('tells of this service alone where nobody has said where resource is', async () => {
    reports.onModuleDestroy();
    reports = made(undefined);
    gateway.hear([ENTRY]);
    await sleep(60);
    expect(told).toEqual([{ kind: 'sid', id: '0f8fad5b', heard: { gateway: 0 } }]);
    expect(asked).toEqual([]);
  });

  it('asks nobody any more once it is closed', async () => {
    gateway.hear([ENTRY]);
    reports.onModuleDestroy();
    gateway.hear([{ ...ENTRY, value: 'later' }]);
    await sleep(60);
    expect(asked).toEqual([]);
    expect(told).toHaveLength(1);
  });
});
