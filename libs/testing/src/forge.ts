import { type Claims, type Header, type TestIssuer } from './test-issuer';
import { signatureOf, type TestKey } from './test-key';

/** What tokens of a catalogue are made with. */
export class Forge {
  readonly key: TestKey;
  /** The clock of the issuer, at the time that the catalogue is made. */
  readonly now: number;
  /** A token that nothing is wrong with, and its three parts. */
  readonly good: string;
  readonly parts: readonly [header: string, payload: string, signature: string];

  constructor(readonly issuer: TestIssuer) {
    this.key = issuer.key;
    this.now = issuer.clock.now();
    this.good = this.token();
    const [header = '', payload = '', signature = ''] = this.good.split('.');
    this.parts = [header, payload, signature];
  }

  headerJson(overrides: Header = {}, key: TestKey = this.key): string {
    return JSON.stringify(this.issuer.header(overrides, key));
  }

  payloadJson(overrides: Claims = {}): string {
    return JSON.stringify(this.issuer.claims(overrides));
  }

  token(claims: Claims = {}, header: Header = {}, key: TestKey = this.key): string {
    return this.raw(this.headerJson(header, key), this.payloadJson(claims), key);
  }

  /** Signed, whatever it is. */
  raw(header: string | Uint8Array, payload: string | Uint8Array, key: TestKey = this.key): string {
    return this.issuer.signRaw(header, payload, key);
  }

  /** Signed just as it is spelled, be that base64url or not. */
  spelled(header: string, payload: string): string {
    const input = `${header}.${payload}`;
    return `${input}.${signatureOf(input, this.key).toString('base64url')}`;
  }

  /** A good token of exactly that many bytes. */
  ofSize(bytes: number): string {
    const [, , signature] = this.parts;
    // No text is 4n + 1 letters long in base64url: then it takes a header that is longer by one.
    for (const filling of ['', 'x', 'xx']) {
      const header = this.headerJson({ filling });
      const room = bytes - Buffer.from(header).toString('base64url').length - signature.length - 2;
      const missing = Math.floor((room * 3) / 4) - Buffer.byteLength(this.payloadJson({ filling: '' }));
      if (room % 4 !== 1) return this.raw(header, this.payloadJson({ filling: 'x'.repeat(missing) }));
    }
    throw new TypeError('bytes: too few');
  }
}
