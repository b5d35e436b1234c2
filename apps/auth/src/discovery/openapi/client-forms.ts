import { z } from 'zod';
import { JWT_BEARER } from '../../clients/client-assertion';

/** How a service authenticates that has no secret. */
export const assertion = z.object({
  client_assertion_type: z.literal(JWT_BEARER).optional(),
  client_assertion: z
    .string()
    .optional()
    .meta({ description: '`private_key_jwt` (RFC 7523): in place of `Authorization`, for the issuer, 60 s, once' }),
});

export const form = (schema: z.ZodType) => ({
  required: true,
  content: { 'application/x-www-form-urlencoded': { schema } },
});
