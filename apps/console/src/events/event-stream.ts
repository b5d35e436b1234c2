import { createParser } from 'eventsource-parser';
import { CallFailed } from '../api/call-failed';
import { readAnswer } from '../api/read-answer';
import { type ConsoleEvent } from '../api/types';
import { failureOf, type Failure } from '../words/problem-of-error';
import { parseEvent } from './parse-event';
import { retryDelayMs } from './retry-delay';

export interface EventStreamListener {
  readonly opened: () => void;
  readonly event: (event: ConsoleEvent) => void;
  /** @param again false where asking again is no use */
  readonly failed: (failure: Failure, again: boolean) => void;
}

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** No answer for so long means that there is nobody: the gateway sends something every 15 s. */
const SILENCE_MS = 45_000;
/** More than any event of the gateway has: one without an end must not fill the page's memory. */
const MAX_EVENT_CHARACTERS = 256 * 1024;

/**
 * Reads the gateway's events until the signal says that it is enough, and comes back after each failure but a refusal:
 * what isn't allowed now isn't in a second either. `EventSource` can't send a token, except in the URL.
 */
export async function followEvents(fetch: Fetch, listener: EventStreamListener, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let failure: Failure;
    try {
      await readOnce(fetch, signal, {
        ...listener,
        opened: () => {
          failures = 0;
          listener.opened();
        },
      });
      failure = { problem: { status: 0, code: 'stream_ended' } };
    } catch (error) {
      failure = failureOf(error);
    }
    if (signal.aborted) return;
    failures++;
    const again = isWorthAsking(failure);
    listener.failed(failure, again);
    if (!again) return;
    await pause(retryDelayMs(failures, Math.random(), failure.retryAfterSeconds), signal);
  }
}

async function readOnce(fetch: Fetch, signal: AbortSignal, listener: EventStreamListener): Promise<void> {
  const silence = new AbortController();
  const stop = (): void => silence.abort(signal.reason);
  signal.addEventListener('abort', stop);
  const alarm = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => silence.abort(new TypeError('Nothing has come for a while.')), SILENCE_MS);
  let timer = alarm();
  try {
    const response = await fetch('/console/api/events', {
      cache: 'no-store',
      headers: { accept: 'text/event-stream' },
      signal: silence.signal,
    });
    if (!response.ok) await readAnswer(response);
    const reader = response.body?.getReader();
    if (!reader || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
      void reader?.cancel().catch(() => undefined);
      throw new CallFailed({ status: response.status, code: 'unexpected_answer' });
    }
    listener.opened();
    const parser = createParser({
      maxBufferSize: MAX_EVENT_CHARACTERS,
      onEvent: (sent) => {
        const event = parseEvent(sent);
        if (event) listener.event(event);
      },
      onError: ({ type }) => {
        if (type !== 'max-buffer-size-exceeded') return;
        throw new CallFailed({ status: response.status, code: 'unexpected_answer' });
      },
    });
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = alarm();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    // Whatever ended it: the connection isn't left open.
    silence.abort();
  }
}

/** A 429 and what the network does pass; what needs a login or a scope doesn't. */
function isWorthAsking({ problem: { status, code } }: Failure): boolean {
  if (code === 'session_ended' || code === 'client_closed') return false;
  return status < 400 || status === 429 || status >= 500;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
