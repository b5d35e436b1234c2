import { createHash } from 'node:crypto';

/** How long a slot is, in characters of base64url: 12 bytes. */
export const SLOT_LENGTH = 16;

/**
 * Where everything of a subject is: the part of its keys that chooses the node of a cluster. It is the start of a digest,
 * so that a refresh token and a session's id can hold it, which say nothing of whose they are.
 */
export function slotOf(subject: string): string {
  return createHash('sha256').update(`slot ${subject}`).digest('base64url').slice(0, SLOT_LENGTH);
}
