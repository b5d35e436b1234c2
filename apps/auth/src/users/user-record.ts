import { z } from 'zod';
import { distinct, scope } from '../parse-file';
import { isArgon2id } from './argon2id';

/** A name that is one line wherever it is printed, and never looks like another for what can't be seen of it. */
export const username = z
  .string()
  .min(1)
  .max(256)
  .regex(/^(?!\s)[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+(?<!\s)$/u);

/** Somebody who can log in, as that is written down. */
export const userRecord = z
  .strictObject({
    username,
    /** A UUID, never a name, and so never what a client is called (RFC 9700, section 4.15). */
    sub: z.uuid(),
    scopes: z.array(scope()).refine(distinct),
    /** In the PHC string format, of argon2id with the parameters in argon2id.ts. */
    passwordHash: z.string().refine(isArgon2id),
    /** Can't log in, whatever the password. */
    disabled: z.boolean().optional(),
    /** Seconds since 1970-01-01T00:00:00Z: what the user was given before is not good any more. */
    revokedAt: z.int().nonnegative().optional(),
  })
  .readonly();

export type User = z.infer<typeof userRecord>;
