import { type ConsoleEvent } from '../api/types';
import { followEvents } from './event-stream';

const HEADERS = { 'content-type': 'text/event-stream' };
const stream = (text: string) => new Response(text, { headers: HEADERS });

/** Follows what these answers say, one after the other, until `isEnough`. */
async function follow(answers: (() => Promise<Response>)[], isEnough: (seen: string[]) => boolean): Promise<string[]> {
  const end = new AbortController();
  const seen: string[] = [];
  const note = (what: string): void => {
    seen.push(what);
    if (isEnough(seen)) end.abort();
  };
  await followEvents(
    () => answers.shift()?.() ?? Promise.reject(new TypeError('no more answers')),
    {
      opened: () => note('opened'),
      event: ({ name }: ConsoleEvent) => note(name),
      failed: ({ problem }, again) => note(`${problem.code}${again ? '' : ', for good'}`),
    },
    end.signal,
  );
  return seen;
}

describe('the events of the gateway', () => {
  beforeEach(() => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
  });

  it('are told as they come, and asked for again when the stream ends', async () => {
    const answers = [
      () => Promise.resolve(stream('event: keys\ndata: {}\n\n')),
      () => Promise.resolve(stream('event: verified\ndata: {}\n\n')),
    ];
    expect(await follow(answers, (seen) => seen.includes('verified'))).toEqual([
      'opened',
      'keys',
      'stream_ended',
      'opened',
      'verified',
    ]);
  });

  it('may come in pieces, with comments between', async () => {
    const text = ': \n\nevent: keys\ndata: {}\n\n';
    const pieces = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of new TextEncoder().encode(text)) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const answers = [() => Promise.resolve(new Response(pieces, { headers: HEADERS }))];
    expect(await follow(answers, (seen) => seen.includes('stream_ended'))).toEqual(['opened', 'keys', 'stream_ended']);
  });

  it.each([
    ['that has no end', `data: ${'x'.repeat(300_000)}`],
    ['that is too large', `data: ${'x'.repeat(1_000)}\n`.repeat(300)],
  ])('are given up with one %s, and asked for again', async (_what, text) => {
    const answers = [() => Promise.resolve(stream(text)), () => Promise.resolve(stream(''))];
    const seen = await follow(answers, (all) => all.filter((what) => what === 'opened').length === 2);
    expect(seen).toEqual(['opened', 'unexpected_answer', 'opened']);
  });

  it('are asked for again after the network failed', async () => {
    const answers = [() => Promise.reject(new TypeError('failed')), () => Promise.resolve(stream(''))];
    expect(await follow(answers, (seen) => seen.includes('opened'))).toEqual(['network_failed', 'opened']);
  });

  it('are left alone where they are refused', async () => {
    const refusal = { status: 403, code: 'insufficient_scope' };
    const answers = [() => Promise.resolve(new Response(JSON.stringify(refusal), { status: 403 }))];
    expect(await follow(answers, () => false)).toEqual(['insufficient_scope, for good']);
  });

  it('are none where something else answers', async () => {
    const answers = [() => Promise.resolve(new Response('<html>'))];
    expect(await follow(answers, (seen) => seen.length > 0)).toEqual(['unexpected_answer']);
  });
});
