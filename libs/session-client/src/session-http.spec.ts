import { FakeClock } from '../test/fake-clock.js';
import { outcome } from '../test/outcome.js';
import { type Fetch, SessionHttp } from './session-http.js';

describe('a call of a session route', () => {
  const { signal } = new AbortController();
  const send = (fetch: Fetch, clock = new FakeClock()) =>
    outcome(new SessionHttp(fetch, clock, 10_000).send('https://gateway.test/x', { method: 'POST' }, signal));
  const busy = (retryAfter: string) => () =>
    Promise.resolve(new Response(null, { status: 503, headers: { 'retry-after': retryAfter } }));

  it.each([
    ['0', 0],
    ['1', 1],
    [' 120 ', 120],
    ['3600', 3_600],
    // Whoever errs doesn't lock everybody out for a year.
    ['3601', 3_600],
    ['31536000', 3_600],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    ['1.5', undefined],
  ])('is told by Retry-After %j to wait for %p s', async (header, retryAfterSeconds) => {
    expect(await send(busy(header))).toEqual({
      code: 'temporarily_unavailable',
      temporary: true,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  });

  it('is given up when the body does not come, even by a fetch that heeds no signal', async () => {
    const clock = new FakeClock();
    const body = new ReadableStream();
    const call = send(() => Promise.resolve(new Response(body)), clock);
    await clock.pass(10);
    expect(await call).toEqual({ code: 'timed_out', temporary: true });
    expect(clock.timers).toBe(0);
  });

  it('leaves no timer behind', async () => {
    const clock = new FakeClock();
    expect(await send(() => Promise.resolve(new Response('{}')), clock)).toEqual({});
    expect(clock.timers).toBe(0);
  });

  it('is not made at all if it is not wanted any more', async () => {
    const fetch = jest.fn<Promise<Response>, Parameters<Fetch>>();
    const reason = new Error('not any more');
    const http = new SessionHttp(fetch, new FakeClock(), 10_000);
    await expect(http.send('https://gateway.test', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(fetch).not.toHaveBeenCalled();
  });

  it('tells nothing of what was sent or answered', async () => {
    const secret = 'rt_very-secret';
    const http = new SessionHttp(
      () => Promise.resolve(new Response(JSON.stringify({ code: 'x', access_token: secret }), { status: 400 })),
      new FakeClock(),
      10_000,
    );
    const error: unknown = await http
      .send('https://gateway.test', { method: 'POST', body: secret }, signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(JSON.stringify([error, String(error), Object.getOwnPropertyDescriptors(error)])).not.toContain(secret);
  });
});
