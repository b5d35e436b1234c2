import { problemOf, readAnswer } from './read-answer';

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });

describe('an answer of the gateway', () => {
  it('is its JSON where it is good', async () => {
    await expect(readAnswer(json(200, { demo: true }))).resolves.toEqual({ demo: true });
  });

  it('is thrown with its code and its Retry-After where it is a problem', async () => {
    const problem = { status: 429, code: 'rate_limited', detail: 'Too many.' };
    await expect(readAnswer(json(429, problem, { 'retry-after': '7' }))).rejects.toMatchObject({
      problem,
      retryAfterSeconds: 7,
    });
  });

  it('that refuses for want of a scope says which', async () => {
    const challenge = {
      'www-authenticate': 'Bearer realm="gateway", error="insufficient_scope", scope="a:read b:read"',
    };
    const answer = json(403, { code: 'insufficient_scope' }, challenge);
    await expect(readAnswer(answer)).rejects.toMatchObject({ requiredScopes: ['a:read', 'b:read'] });
  });

  it.each([
    [502, 'unavailable'],
    [403, 'request_refused'],
  ])('of %d without a code is %s', (status, code) => {
    expect(problemOf({ status, ok: false }, '<html>')).toMatchObject({ status, code });
  });

  it('that is good but no JSON is unexpected', async () => {
    await expect(readAnswer(new Response('<html>'))).rejects.toMatchObject({ problem: { code: 'unexpected_answer' } });
  });
});
