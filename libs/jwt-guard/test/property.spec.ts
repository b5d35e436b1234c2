import * as fc from 'fast-check';
import { tokenOf } from '../src/core/authorization-header';
import { extractToken } from '../src/core/extract-token';
import { type Principal } from '../src/core/principal';
import { TokenRejected } from '../src/core/refusals';
import { TokenVerifier } from '../src/core/token-verifier';
import { AUDIENCE, FAMILIES, type Family, goodClaims, ISSUER, NOW, Signer } from './property-signer';

/** Fixed, so that a failure is one for everybody; fast-check prints it with the counterexample. */
const SEED = 20_260_731;
const runs = (numRuns: number) => ({ seed: SEED, numRuns });

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const FOREIGN = ['+', '/', '=', ' ', '\n', '\0', '%', '"', '\u00e9', '\u0410', '\ud83d', '\u{1f512}', '.'];

const signers = new Map<Family, Signer>(FAMILIES.map((family) => [family, new Signer(family)]));

function signerOf(family: Family): Signer {
  const signer = signers.get(family);
  if (!signer) throw new Error(family);
  return signer;
}

function verifierOf(signer: Signer): TokenVerifier {
  // All on the list: a change of `alg` must not be stopped by that alone.
  return TokenVerifier.create({
    issuers: [signer.issuer([...FAMILIES, 'ES384', 'Ed25519'])],
    now: () => NOW,
  });
}

/** The principal, or the code of the refusal; any other error is one of the test's. */
async function verdict(verifier: TokenVerifier, token: string): Promise<Principal | string> {
  try {
    return await verifier.verify(token);
  } catch (error) {
    if (error instanceof TokenRejected) return error.code;
    throw error;
  }
}

/** Judges what was made of a good token by a verifier that knows the good one, and by one that doesn't. */
class Bench {
  readonly good: string;
  readonly #warm: TokenVerifier;
  readonly #cold: TokenVerifier;

  private constructor(readonly signer: Signer) {
    this.good = signer.token({ jti: `of ${signer.algorithm}` });
    this.#warm = verifierOf(signer);
    this.#cold = verifierOf(signer);
  }

  static async of(family: Family): Promise<Bench> {
    const bench = new Bench(signerOf(family));
    await bench.goodIsAccepted();
    return bench;
  }

  async goodIsAccepted(): Promise<void> {
    const principal = await this.#warm.verify(this.good);
    expect(principal.tokenId).toBe(`of ${this.signer.algorithm}`);
    // From here on it is remembered.
    expect(this.#warm.recall(this.good)).toBe(principal);
  }

  async refuses(token: string): Promise<void> {
    if (token === this.good) throw new Error('nothing was changed');
    for (const verifier of [this.#warm, this.#cold]) {
      const reached = await verdict(verifier, token);
      if (typeof reached !== 'string') throw new Error(`accepted: ${token}`);
      if (verifier.recall(token) !== undefined) throw new Error(`remembered: ${token}`);
    }
    const remembered = this.#warm.recall(this.good);
    if (remembered?.tokenId !== `of ${this.signer.algorithm}`) throw new Error(`forgotten after: ${token}`);
  }

  /** By the verifier that has seen nothing but bad tokens until now. */
  async goodIsAcceptedAfterAll(): Promise<void> {
    expect(this.#cold.recall(this.good)).toBeUndefined();
    expect(await verdict(this.#cold, this.good)).toMatchObject({ subject: 'subject' });
  }
}

const at = (text: string, index: number) => text.charAt(index % text.length);
const splice = (text: string, index: number, count: number, inserted = '') =>
  text.slice(0, index) + inserted + text.slice(index + count);

/** What is done to a text at one place; `pick` chooses where there is a choice. */
const EDITS: Readonly<Record<string, (text: string, index: number, pick: number) => string>> = {
  'another letter': (text, index, pick) => splice(text, index, 1, at(BASE64URL, pick)),
  'a foreign character': (text, index, pick) => splice(text, index, 1, FOREIGN[pick % FOREIGN.length]),
  'a letter more': (text, index, pick) => splice(text, index, 0, at(BASE64URL, pick)),
  'a foreign character more': (text, index, pick) => splice(text, index, 0, FOREIGN[pick % FOREIGN.length]),
  'a character less': (text, index) => splice(text, index, 1),
  'a character twice': (text, index) => splice(text, index, 0, text.charAt(index)),
  'two characters swapped': (text, index) => splice(text, index, 2, text.charAt(index + 1) + text.charAt(index)),
  'the other case': (text, index) => {
    const character = text.charAt(index);
    return splice(
      text,
      index,
      1,
      character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase(),
    );
  },
  'the end cut off': (text, index) => text.slice(0, index),
  'the beginning cut off': (text, index) => text.slice(index),
  'a piece twice': (text, index, pick) => splice(text, index, 0, text.slice(index, index + 1 + (pick % 64))),
  'a piece less': (text, index, pick) => splice(text, index, 1 + (pick % 64)),
  'a dot moved here': (text, index) => {
    const without = text.replace('.', '');
    return splice(without, index, 0, '.');
  },
  'the last dot moved here': (text, index) => {
    const last = text.lastIndexOf('.');
    return splice(splice(text, last, 1), index, 0, '.');
  },
};

describe.each(FAMILIES)('a token of %s that was changed', (family) => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await Bench.of(family);
  });

  afterAll(() => bench.goodIsAcceptedAfterAll());

  it.each(Object.entries(EDITS))('at any one place is refused: %s', async (_name, edit) => {
    const { good } = bench;
    let changed = 0;
    for (let index = 0; index < good.length; index++) {
      const token = edit(good, index, index);
      if (token === good) continue;
      changed++;
      await bench.refuses(token);
    }
    expect(changed).toBeGreaterThan(good.length / 2);
  });

  it('in one bit of its decoded parts is refused, every third in its turn', async () => {
    const parts = bench.good.split('.');
    for (const [place, part] of parts.entries()) {
      const bytes = Buffer.from(part, 'base64url');
      for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
        const copy = Buffer.from(bytes);
        copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        await bench.refuses(parts.with(place, copy.toString('base64url')).join('.'));
      }
    }
  });

  it('at several places is refused', async () => {
    const edits = fc.array(fc.tuple(fc.constantFrom(...Object.values(EDITS)), fc.nat(), fc.nat()), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(edits, async (chosen) => {
        const token = chosen.reduce(
          (text, [edit, index, pick]) => (text === '' ? text : edit(text, index % text.length, pick)),
          bench.good,
        );
        fc.pre(token !== bench.good);
        await bench.refuses(token);
      }),
      runs(500),
    );
  });

  it('in its header is refused, whatever is added, left out, or put in another order', async () => {
    const [, payload, signature] = bench.good.split('.');
    const header = bench.signer.header();
    const entries = fc.shuffledSubarray(Object.entries(header));
    const added = fc.array(fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 2 })), { maxLength: 3 });
    const spaces = fc.constantFrom('', ' ', '\n');
    await fc.assert(
      fc.asyncProperty(entries, added, spaces, async (kept, more, space) => {
        const members = [...kept, ...more].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
        const text = `{${space}${members.join(',')}}`;
        const token = `${Buffer.from(text).toString('base64url')}.${payload}.${signature}`;
        fc.pre(token !== bench.good);
        await bench.refuses(token);
      }),
      runs(500),
    );
  });

  it('is refused with any part of another good token in its place, and glued to one', async () => {
    const other = bench.signer.token({ jti: 'other' });
    const parts = bench.good.split('.');
    const swapped = [1, 2].map((place) => parts.with(place, other.split('.')[place] ?? '').join('.'));
    const { good } = bench;
    const glued = ['', '.', ' ', ',', '\n', '..'].flatMap((glue) => [
      good + glue + other,
      other + glue + good,
      good + glue + good,
    ]);
    const framed = [...FOREIGN, '..', 'Bearer '].flatMap((text) => [good + text, text + good]);
    for (const token of [...swapped, ...glued, ...framed]) await bench.refuses(token);
  });
});

describe('any text', () => {
  it('is refused as a token', async () => {
    const bench = await Bench.of('ES256');
    const part = fc.oneof(
      fc.string({ unit: fc.constantFrom(...BASE64URL) }),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc.constantFrom(...bench.good.split('.')),
      fc.string({ unit: 'binary' }),
    );
    const token = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        fc.pre(text !== bench.good);
        await bench.refuses(text);
      }),
      runs(1500),
    );
  });
});

/** Often what a good token has, else anything that JSON can say. */
const orAnything = (...good: readonly unknown[]) =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...good), weight: 12 },
    { arbitrary: fc.jsonValue(), weight: 1 },
    { arbitrary: fc.constantFrom('', 0, -1, 1e300, true, false, null, [], {}, '\0', '\ud800'), weight: 1 },
  );

/** What is wrong with a principal. One `expect` for it all: there are thousands. */
function defects(principal: Principal): string[] {
  const { subject, issuer, audience, tokenId, clientId, keyId, sessionId, transactionId, scopes, roles, actor } =
    principal;
  const isText = (value: unknown) => typeof value === 'string' && value !== '';
  const isList = (value: unknown) =>
    Array.isArray(value) && Object.isFrozen(value) && value.every((entry) => typeof entry === 'string');
  const checks: Readonly<Record<string, boolean>> = {
    required: [subject, tokenId, clientId, keyId].every(isText),
    optional: [sessionId, transactionId].every((value) => value === undefined || isText(value)),
    lists: [scopes, roles, actor].every(isList),
    expiresAt: principal.expiresAt > NOW - 5 && principal.expiresAt < NOW + 86_400,
    issuer: issuer === ISSUER,
    audience: audience === AUDIENCE,
    id: principal.id === `${ISSUER.length}:${ISSUER}:${subject}`,
    frozen: Object.isFrozen(principal) && Object.isFrozen(principal.claims),
  };
  return Object.keys(checks).filter((name) => !checks[name]);
}

describe('a token that is signed rightly', () => {
  const signer = signerOf('EdDSA');
  const verifier = verifierOf(signer);

  /** Counts what comes out, so that neither side of the property is empty. */
  async function tally(tokens: fc.Arbitrary<string>, numRuns: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(tokens, async (token) => {
        const reached = await verdict(verifier, token);
        if (typeof reached !== 'string') expect(defects(reached)).toEqual([]);
        const name = typeof reached === 'string' ? reached : 'accepted';
        counts[name] = (counts[name] ?? 0) + 1;
      }),
      runs(numRuns),
    );
    return counts;
  }

  it('makes a whole principal or is refused, whatever its claims are', async () => {
    const claims = fc.record({
      iss: orAnything(ISSUER),
      sub: orAnything('subject', 'Ünï'),
      aud: orAnything(AUDIENCE, [AUDIENCE], ['other', AUDIENCE]),
      client_id: orAnything('gateway'),
      jti: orAnything('token-1'),
      scope: orAnything('documents:read', 'a b', '', undefined),
      roles: orAnything(undefined, [], ['admin']),
      sid: orAnything(undefined, 's1'),
      txn: orAnything(undefined, 't1'),
      act: orAnything(undefined, { sub: 'gateway' }, { sub: 'a', act: { sub: 'b' } }),
      cnf: orAnything(undefined),
      nbf: orAnything(undefined, NOW),
      iat: orAnything(NOW, NOW - 1),
      exp: orAnything(NOW + 300, NOW + 1),
    });
    const counts = await tally(
      claims.map((changes) => signer.token(changes)),
      1500,
    );
    expect(counts.accepted).toBeGreaterThan(100);
    expect(Object.keys(counts).length).toBeGreaterThan(6);
  });

  it('makes a whole principal or is refused, whatever its header is', async () => {
    const header = fc.record({
      alg: orAnything('EdDSA'),
      typ: orAnything('at+jwt', 'AT+JWT', 'application/at+jwt'),
      kid: orAnything('key-1'),
      cty: orAnything(undefined, 'JWT'),
      crit: fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, { arbitrary: fc.jsonValue(), weight: 1 }),
    });
    const counts = await tally(
      header.map((changes) => signer.token({}, changes)),
      1000,
    );
    expect(counts.accepted).toBeGreaterThan(100);
    expect(Object.keys(counts).length).toBeGreaterThan(4);
  });

  it('is refused with any header and payload that are no claims at all', async () => {
    const text = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constant(JSON.stringify(signer.header())));
    const tokens = fc.tuple(text, text).map(([header, payload]) => signer.sign(header, payload));
    const counts = await tally(tokens, 1000);
    expect(counts.accepted).toBeUndefined();
    expect(counts.claim_missing).toBeGreaterThan(0);
    expect(counts.token_malformed).toBeGreaterThan(0);
  });

  it('is accepted with members that mean nothing here, and makes the same principal', async () => {
    const known = new Set([
      ...Object.keys(goodClaims()),
      'events',
      'nonce',
      'at_hash',
      'c_hash',
      's_hash',
      'cnf',
      'nbf',
      'act',
      'sid',
      'txn',
      'typ',
      'token_use',
      'roles',
      '__proto__',
    ]);
    const extra = fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((name) => !known.has(name)),
      fc.jsonValue({ maxDepth: 3 }),
      { maxKeys: 5 },
    );
    await fc.assert(
      fc.asyncProperty(extra, async (changes) => {
        const reached = await verdict(verifier, signer.token({ ...changes }));
        expect(reached).toMatchObject({ subject: 'subject', tokenId: 'token-1', clientId: 'gateway' });
      }),
      runs(500),
    );
  });
});

describe('any Authorization header', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(
        fc.constantFrom('Bearer', 'bearer', 'BEARER', 'Basic', 'DPoP', 'Bearer:', ' Bearer', ''),
        fc.constantFrom(' ', '  ', '\t', '', '\u00a0', '\n', ', '),
        fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('a.b.c', 'a.b.c, Bearer d.e.f', 'a b')),
      )
      .map((parts) => parts.join('')),
  );
  const CODES = ['token_missing', 'authorization_malformed', 'authorization_repeated'];

  /** What comes of it: a token without white space, or one of three refusals. */
  function outcome(read: () => string): string {
    try {
      const token = read();
      expect(token).toMatch(/^\S+$/);
      return 'token';
    } catch (error) {
      if (!(error instanceof TokenRejected)) throw error;
      expect(CODES).toContain(error.code);
      return error.code;
    }
  }

  const covers = (outcomes: ReadonlySet<string>) => expect([...outcomes].sort()).toEqual([...CODES, 'token'].sort());

  it('has a token or is refused, as extractToken reads it', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), (values) => {
        const reached = outcome(() => extractToken(values));
        outcomes.add(reached);
        if (values.length > 1) expect(reached).toBe('authorization_repeated');
        if (values.length === 0) expect(reached).toBe('token_missing');
      }),
      runs(1500),
    );
    covers(outcomes);
  });

  it('has a token or is refused, as tokenOf finds it among others', () => {
    const name = fc.oneof(
      fc.constantFrom('authorization', 'Authorization', 'AUTHORIZATION', 'get', 'constructor', '__proto__'),
      fc.string(),
    );
    const given = fc.oneof(value, fc.array(value, { maxLength: 3 }), fc.constant(undefined));
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(fc.array(fc.tuple(name, given), { maxLength: 4 }), (headers) => {
        const record = Object.fromEntries(headers);
        const sent = Object.entries(record).filter(([key]) => key.toLowerCase() === 'authorization');
        const reached = outcome(() => tokenOf(record));
        outcomes.add(reached);
        const count = sent.flatMap(([, values]) => values ?? []).length;
        if (count > 1) expect(reached).toBe('authorization_repeated');
        if (count === 0) expect(reached).toBe('token_missing');
      }),
      runs(1500),
    );
    covers(outcomes);
  });

  it('has a token or is refused, as tokenOf gets it of a Request', () => {
    const outcomes = new Set<string>();
    const latin = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(
        fc.constantFrom('Bearer ', 'bearer  ', 'Basic ', 'Bearer', ''),
        latin,
        fc.boolean(),
        (scheme, rest, set) => {
          const headers = new Headers(set ? { authorization: scheme + rest } : {});
          outcomes.add(outcome(() => tokenOf(headers)));
        },
      ),
      runs(500),
    );
    // `Headers` joins two values to one with a comma and a space in it.
    const twice = new Headers([
      ['authorization', 'Bearer a'],
      ['authorization', 'Bearer b'],
    ]);
    outcomes.add(outcome(() => tokenOf(twice)));
    expect([...outcomes].sort()).toEqual(['authorization_malformed', 'token', 'token_missing']);
  });
});
