import { EventBatches } from './event-batches';

describe('EventBatches', () => {
  const handed: { readonly text: string; readonly events: number }[] = [];
  let batches: EventBatches;

  beforeEach(() => {
    jest.useFakeTimers();
    handed.length = 0;
    batches = new EventBatches((text, events) => handed.push({ text, events }));
  });
  afterEach(() => jest.useRealTimers());

  it('hand on what has come within a tenth of a second, in its order, at once', () => {
    batches.add({ name: 'verified', data: { ms: 1 } });
    batches.add({ name: 'keys', data: {} });
    jest.advanceTimersByTime(99);
    expect(handed).toEqual([]);
    jest.advanceTimersByTime(1);
    const text = 'event: verified\ndata: {"ms":1}\n\nevent: keys\ndata: {}\n\n';
    expect(handed).toEqual([{ text, events: 2 }]);
    jest.advanceTimersByTime(1_000);
    expect(handed).toHaveLength(1);
  });

  it.each([
    [25, 25, 0],
    [26, 25, 1],
    [1_000, 25, 975],
  ])('of %d calls at once show %d, and tell of %d more', (calls, shown, more) => {
    for (let i = 0; i < calls; i++) batches.add({ name: 'called', data: { i } });
    jest.advanceTimersByTime(100);
    const [{ text = '' } = {}] = handed;
    expect(text.match(/^event: called$/gm)).toHaveLength(shown);
    expect(/^event: missed\ndata: \{"events":(\d+)\}$/m.exec(text)?.[1]).toBe(more > 0 ? String(more) : undefined);
  });

  it.each(['keys', 'revoked'] as const)('leave out no %s, however much there is', (name) => {
    for (let i = 0; i < 1_000; i++) batches.add({ name: 'verified', data: {} });
    batches.add({ name, data: {} });
    jest.advanceTimersByTime(100);
    expect(handed[0]?.text).toContain(`event: ${name}\n`);
  });

  it('forget what nobody waits for any more', () => {
    batches.add({ name: 'keys', data: {} });
    batches.clear();
    jest.advanceTimersByTime(1_000);
    expect(handed).toEqual([]);
  });
});
