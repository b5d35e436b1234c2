import { timeOf } from '../words/time-words';
import { diffTokens, isSameToken, listed, shortKid, type TokenChange } from './token-diff';
import { factsOf, type TokenFacts } from './token-facts';

const before: TokenFacts = {
  audience: 'gateway',
  subject: 'alice',
  scopes: ['documents:read', 'documents:write'],
  actors: [],
  kid: 'k1',
  alg: 'ES256',
  expiresAt: '2026-11-26T12:05:00.000Z',
  lifetimeSeconds: 300,
};

const change = (what: TokenChange['what'], after: Partial<TokenFacts>, from: Partial<TokenFacts> = {}) =>
  diffTokens({ ...before, ...from }, { ...before, ...after }).find((each) => each.what === what);

describe('what became of a token', () => {
  it('is nothing where it goes on as it is', () => {
    expect(diffTokens(before, before).filter(({ isChanged }) => isChanged)).toEqual([]);
    expect(isSameToken(before, before)).toBe(true);
  });

  it('is another audience', () => {
    expect(change('audience', { audience: 'resource' })).toMatchObject({
      isChanged: true,
      words: 'Changed: good at resource alone, and no more at gateway.',
    });
  });

  it.each([
    [['documents:read'], 'Narrowed: without documents:write.'],
    [['documents:read', 'documents:write', 'audit:read'], 'Changed: with audit:read in addition.'],
    [['audit:read'], 'Changed: without documents:read, documents:write, with audit:read in addition.'],
    [['documents:write', 'documents:read'], 'Unchanged: it may do the same.'],
  ])('is scopes of %j', (scopes, words) => {
    expect(change('scopes', { scopes })?.words).toBe(words);
  });

  it.each<[string[], string[], string]>([
    [[], ['gateway'], 'Changed: now gateway acts for the user.'],
    [['gateway'], ['resource', 'gateway'], 'Changed: now resource acts for the user.'],
    [['gateway'], ['resource'], 'Changed: now resource acts for the user, and gateway isn’t named any more.'],
    [['a', 'b'], ['b', 'a'], 'Changed: in another order.'],
    [['gateway'], [], 'Changed: it no longer says that gateway acts for the user.'],
    [['gateway'], ['gateway'], 'Unchanged: the same services act for the user.'],
  ])('is who acts: from %j to %j', (from, to, words) => {
    expect(change('act', { actors: to }, { actors: from })?.words).toBe(words);
  });

  it.each<[string[], string[], string]>([
    [[], ['gateway'], 'Changed: now gateway acts for the user.'],
    [
      ['gateway'],
      ['resource'],
      'Changed: now resource acts for the user, alone: the transaction itself names the service that began it.',
    ],
  ])('is who acts in a transaction: from %j to %j', (from, to, words) => {
    expect(change('act', { actors: to, txn: 't' }, { actors: from })?.words).toBe(words);
  });

  it.each<[Partial<TokenFacts>, string]>([
    [{ expiresAt: '2026-11-26T12:04:00.000Z', lifetimeSeconds: 60 }, 'Changed: ends 1 minute earlier.'],
    [{ expiresAt: '2026-11-26T12:05:30.000Z' }, 'Changed: ends 30 seconds later.'],
    [{ lifetimeSeconds: 240 }, 'Changed: ends at the same time, issued at another.'],
  ])('is a lifetime: %j', (after, words) => {
    expect(change('lifetime', after)).toMatchObject({ isChanged: true, words });
  });

  it('is the end of a transaction, however long the token of the caller lives', () => {
    const { expiresAt } = before;
    const [earlier, txn] = ['2026-11-26T12:01:01.000Z', 't'];
    const service = { service: 'resource', ...before, actor: [] };
    const claims = { iat: 0, exp: 300 };
    const facts = factsOf({
      ...service,
      expiresAt: earlier,
      txn,
      received: { redacted: '', bytes: 0, verified: true, claims },
    });
    expect(diffTokens(before, facts).find(({ what }) => what === 'lifetime')).toMatchObject({
      before: `5 minutes, until ${timeOf(new Date(expiresAt))}`,
      after: `until ${timeOf(new Date(earlier))}`,
      words: 'Changed: the transaction ends 3 minutes 59 seconds earlier.',
    });
    expect(diffTokens(facts, facts).find(({ what }) => what === 'lifetime')).toMatchObject({
      isChanged: false,
      words: 'Unchanged: the transaction ends at the same time.',
    });
  });

  it('is another key', () => {
    expect(change('kid', { kid: 'k2' })).toMatchObject({ isChanged: true, before: 'k1', after: 'k2' });
  });

  it('may be another token that says the same', () => {
    expect(isSameToken({ ...before, id: 'a' }, { ...before, id: 'b' })).toBe(false);
    expect(isSameToken({ ...before, txn: 't' }, before)).toBe(false);
  });
});

describe('the token that a service got', () => {
  const hop = { service: 'resource', ...before, actor: ['gateway'] };

  it('has the lifetime and the id that its claims say', () => {
    const received = { redacted: '', bytes: 0, verified: true, claims: { iat: 10, exp: 70, jti: 'j' } };
    expect(factsOf({ ...hop, received })).toMatchObject({ lifetimeSeconds: 60, id: 'j', actors: ['gateway'] });
  });

  it('has neither where the service shows none', () => {
    const facts = factsOf(hop);
    expect(facts.lifetimeSeconds).toBeUndefined();
    expect(facts.id).toBeUndefined();
  });
});

it('shortens what is long, and says what is empty', () => {
  expect(shortKid('0123456789abcdef')).toBe('01234567…');
  expect(listed([])).toBe('none');
});
