import { checkRevocation, type RevocationSource } from './check-revocation';
import { type Principal } from './principal';
import { type ValidatedToken } from './token-states';

const token = (): ValidatedToken =>
  ({ principal: { issuer: 'https://issuer.test', keyId: 'key-1' } as Principal }) as ValidatedToken;

/** A source with a version, which counts how often it is asked. */
function source(more: Partial<RevocationSource> = {}) {
  const asked = { times: 0, revoked: false, version: 0 };
  const made: RevocationSource = {
    isRevoked: () => {
      asked.times++;
      return asked.revoked;
    },
    get version() {
      return asked.version;
    },
    ...more,
  };
  return { asked, made };
}

describe('a source with a version', () => {
  it('is asked about a token once, until the version is another', () => {
    const { asked, made } = source();
    const good = token();
    for (let i = 0; i < 3; i++) checkRevocation(good, made);
    expect(asked.times).toBe(1);
    asked.version = 1;
    for (let i = 0; i < 3; i++) checkRevocation(good, made);
    expect(asked.times).toBe(2);
    checkRevocation(token(), made);
    expect(asked.times).toBe(3);
  });

  it('is asked each time about a token that is revoked', () => {
    const { asked, made } = source();
    const bad = token();
    checkRevocation(bad, made);
    Object.assign(asked, { revoked: true, version: 1 });
    for (let i = 0; i < 3; i++) expect(() => checkRevocation(bad, made)).toThrow('The access token has been revoked.');
    expect(asked.times).toBe(4);
  });

  it('is asked again when something is revoked while it answers', () => {
    const { asked, made } = source({
      isRevoked: () => {
        asked.version++;
        return ++asked.times > 1;
      },
    });
    const late = token();
    checkRevocation(late, made);
    expect(() => checkRevocation(late, made)).toThrow('The access token has been revoked.');
  });

  it('that can not tell is asked again', () => {
    const { asked, made } = source({
      isRevoked: () => {
        asked.times++;
        throw new Error('not yet');
      },
    });
    const undecided = token();
    for (let i = 0; i < 2; i++) expect(() => checkRevocation(undecided, made)).toThrow('is not known');
    expect(asked.times).toBe(2);
  });

  it('whose version is no number is asked each time', () => {
    const { asked, made } = source({ version: NaN });
    const good = token();
    for (let i = 0; i < 3; i++) checkRevocation(good, made);
    expect(asked.times).toBe(3);
  });
});

it('a source whose version can not be read is asked each time', () => {
  let times = 0;
  const good = token();
  const failing = {
    isRevoked: () => ++times < 0,
    get version(): number {
      throw new Error('not now');
    },
  };
  for (let i = 0; i < 3; i++) checkRevocation(good, failing);
  expect(times).toBe(3);
});

it('a source without a version is asked each time', () => {
  let times = 0;
  const good = token();
  for (let i = 0; i < 3; i++) checkRevocation(good, { isRevoked: () => ++times < 0 });
  expect(times).toBe(3);
});

describe('the key of a token', () => {
  it('is asked about with the token: once, until the version is another', () => {
    const asked: string[] = [];
    const keys = new Set<string>();
    const { asked: counted, made } = source({
      isKeyRevoked: (issuer, kid) => {
        asked.push(`${issuer} ${kid}`);
        return keys.has(kid);
      },
    });
    const good = token();
    for (let i = 0; i < 3; i++) checkRevocation(good, made);
    expect(asked).toEqual(['https://issuer.test key-1']);
    keys.add('key-1');
    // A source that revokes a key without another version has itself to blame.
    checkRevocation(good, made);
    counted.version = 1;
    for (let i = 0; i < 3; i++) expect(() => checkRevocation(good, made)).toThrow('The key that signed');
    expect(asked).toHaveLength(4);
  });

  it('comes before the token itself', () => {
    const { asked, made } = source({ isKeyRevoked: () => true });
    asked.revoked = true;
    expect(() => checkRevocation(token(), made)).toThrow('The key that signed');
    expect(asked.times).toBe(0);
  });
});
