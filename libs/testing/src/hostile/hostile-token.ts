import { type Forge } from '../forge';
import { type TestKey } from '../test-key';

/** Where in verification a token has to be refused, in the order of the stages. */
export type Stage = 'decode' | 'select_issuer' | 'resolve_key' | 'verify_signature' | 'validate_claims';

/** A token that must be refused, and the stage and code that must say why. */
export interface HostileToken {
  /** What is wrong with it, in plain English. */
  readonly name: string;
  readonly token: string;
  readonly stage: Stage;
  readonly code: string;
  /**
   * Whether it can stand behind `Bearer ` in a header: visible ASCII without spaces, and not more than a server takes.
   * What can't never gets to a verifier over HTTP.
   */
  readonly sendable: boolean;
  /**
   * Whether a few seconds more would make another verdict right, as at the edge of the tolerance: a token for
   * a clock that stands still.
   */
  readonly momentary: boolean;
}

/** What a theme of the catalogue is made with. */
export interface Material {
  readonly forge: Forge;
  /** A key like the issuer's first, and not the issuer's. */
  readonly stranger: TestKey;
  /** What the verifier lets the issuer sign with. */
  readonly allowed: ReadonlySet<string>;
}

export type Row = readonly [name: string, token: string, code: string];

/** A signature for a token that it isn't the signature of. */
export type Forgery = readonly [name: string, signature: Buffer];

// Node takes 16 KiB of headers, of which some are others.
const MAX_SENDABLE = 12 * 1024;

/** A table of tokens that are refused at the same stage. */
export function refusedAt(stage: Stage, rows: readonly Row[], momentary = false): HostileToken[] {
  return rows.map(([name, token, code]) => {
    const sendable = /^[\x21-\x7e]+$/.test(token) && token.length <= MAX_SENDABLE;
    return { name, token, stage, code, sendable, momentary };
  });
}
