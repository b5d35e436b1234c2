import { compactDecrypt, CompactEncrypt } from 'jose';
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { SLOT_LENGTH, slotOf } from '../store/slot';

const PREFIX = 'rt_';
const SLOT_BYTES = 12;
const HANDLE_BYTES = 16;
const SECRET_BYTES = 32;
const CHECK_BYTES = 3;
const LENGTH = PREFIX.length + ((SLOT_BYTES + HANDLE_BYTES + SECRET_BYTES + CHECK_BYTES) * 4) / 3;
const HANDLE_IN_ID_LENGTH = 22;

/**
 * A refresh token: `rt_`, then in base64url the slot of its subject (12 bytes), the handle of its session (16) and a
 * secret of its own (32), random both, and a checksum (3). What is stored is the digest of the handle, as the session's
 * id, and that of the secret. Whoever brings a handle has had a token of that session; the checksum is there so that
 * nobody's session ends by a token that was garbled on its way.
 */
export interface RefreshToken {
  /** As its holder has it. */
  readonly text: string;
  readonly sessionId: string;
  /** SHA-256 of the secret. */
  readonly hash: string;
}

interface Parts {
  readonly slot: string;
  readonly handle: Buffer;
  readonly secret: Buffer;
}

/** The first token of a new session. */
export function firstRefreshToken(subject: string): RefreshToken {
  return tokenOf({ slot: slotOf(subject), handle: randomBytes(HANDLE_BYTES), secret: randomBytes(SECRET_BYTES) });
}

/** A new token of the same session, and what is stored of it so that whoever has `token` can have it again. */
export async function successorOf(token: RefreshToken): Promise<{ successor: RefreshToken; sealed: string }> {
  const { slot, handle, secret } = partsOf(token.text);
  const successor = randomBytes(SECRET_BYTES);
  return { successor: tokenOf({ slot, handle, secret: successor }), sealed: await seal(successor, secret) };
}

/** The successor that was sealed for whoever has `token`. */
export async function unsealed(token: RefreshToken, sealed: string): Promise<RefreshToken> {
  const { slot, handle, secret } = partsOf(token.text);
  const { plaintext } = await compactDecrypt(sealed, sealingKey(secret), {
    keyManagementAlgorithms: [ENCRYPTION.alg],
    contentEncryptionAlgorithms: [ENCRYPTION.enc],
  });
  return tokenOf({ slot, handle, secret: Buffer.from(plaintext) });
}

/** @returns undefined for what isn't of the form of one */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  if (!isRefreshToken(text)) return undefined;
  const token = tokenOf(partsOf(text));
  return token.text === text ? token : undefined;
}

/** Whether it has the form of one: an access token never has. */
export function isRefreshToken(text: string): boolean {
  return text.length === LENGTH && /^rt_[A-Za-z0-9_-]+$/.test(text);
}

function partsOf(text: string): Parts {
  const bytes = Buffer.from(text.slice(PREFIX.length + SLOT_LENGTH), 'base64url');
  const slot = text.slice(PREFIX.length, PREFIX.length + SLOT_LENGTH);
  const [handle, secret] = [bytes.subarray(0, HANDLE_BYTES), bytes.subarray(HANDLE_BYTES, HANDLE_BYTES + SECRET_BYTES)];
  return { slot, handle, secret };
}

function tokenOf({ slot, handle, secret }: Parts): RefreshToken {
  const parts = Buffer.concat([handle, secret]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(parts, crc32(slot)));
  const text = `${PREFIX}${slot}${Buffer.concat([parts, check.subarray(-CHECK_BYTES)]).toString('base64url')}`;
  return { text, sessionId: slot + digest(handle).slice(0, HANDLE_IN_ID_LENGTH), hash: digest(secret) };
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

/** AES-256-GCM with the key itself (RFC 7518, sections 4.5 and 5.3). */
const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const;

function seal(successor: Buffer, secret: Buffer): Promise<string> {
  return new CompactEncrypt(successor).setProtectedHeader(ENCRYPTION).encrypt(sealingKey(secret));
}

/** HKDF (RFC 5869) over a token's secret, which nobody but its holders has. */
function sealingKey(secret: Buffer): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'token-relay refresh token successor', 32));
}
