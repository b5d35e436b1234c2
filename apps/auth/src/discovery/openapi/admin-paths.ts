import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { compromise, rotation } from '../../keys/admin-keys.controller';
import { KEY_ALGORITHMS } from '../../keys/key-ring';
import { revocationRequest } from '../../revocation/admin-revocations.controller';
import { anyOther, bearerProblems, json, problem } from './responses';

const at = z.iso.datetime();

/** A revocation as it is kept. */
export const revoked = z.strictObject({
  revoked: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.enum(['jti', 'sid']), value: z.string(), until: z.number() }),
      z.strictObject({ kind: z.literal('sub'), value: z.string(), epoch: z.number(), until: z.number() }),
      z.strictObject({ kind: z.literal('all'), notBefore: z.number(), until: z.number() }),
    ])
    .meta({ description: 'Times are seconds since 1970. `until`: when the last token that it concerns has expired' }),
});

export const keyRing = z
  .strictObject({
    version: z.int().meta({ description: 'Grows with every change' }),
    keys: z.array(
      z.strictObject({
        kid: z.string(),
        algorithm: z.enum(KEY_ALGORITHMS),
        state: z.enum(['pending', 'active', 'retiring', 'retired', 'compromised']),
        publishedAt: at,
        activatedAt: at.optional(),
        deactivatedAt: at.optional(),
        removedAt: at.optional(),
      }),
    ),
    rotation: z.strictObject({ kid: z.string(), dueAt: at }).optional(),
    history: z.array(
      z.strictObject({
        at,
        what: z.string(),
        kid: z.string().optional(),
        by: z.string(),
        reason: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'KeyRing' });

const recently = 'The token lacks the scope, or its user has not logged in within 15 minutes.';
const keyProblems = bearerProblems(recently, 'insufficient_scope', 'login_too_old');
const tags = ['Administration'];

/** What an operator does, through the gateway. */
export const adminPaths: ZodOpenApiPathsObject = {
  '/admin/revocations': {
    post: {
      operationId: 'revokeForOthers',
      tags,
      summary: "Revokes a token, a session, all of a user's or of a service's tokens, or everything",
      requestBody: { required: true, content: { 'application/json': { schema: revocationRequest } } },
      responses: {
        201: json('It is revoked', revoked),
        400: problem('The body is not as it has to be.', 'validation_failed', 'malformed_json'),
        ...bearerProblems('The token lacks the scope.', 'insufficient_scope'),
        default: anyOther,
      },
      security: [{ bearer: ['revocations:write'] }],
    },
  },
  '/admin/keys': {
    get: {
      operationId: 'listKeys',
      tags,
      summary: 'The signing keys, and what happened to them',
      responses: { 200: json('The ring', keyRing), ...keyProblems, default: anyOther },
      security: [{ bearer: ['keys:read'] }],
    },
  },
  '/admin/keys/rotate': {
    post: {
      operationId: 'rotateKeys',
      tags,
      summary: 'Lets the next key sign as soon as every verifier has had time to fetch it',
      requestBody: { content: { 'application/json': { schema: rotation } } },
      responses: {
        202: json('It is planned, or done', keyRing),
        400: problem('The body is not as it has to be.', 'validation_failed', 'malformed_json'),
        409: problem('A rotation is planned already: `dueAt` says for when.', 'rotation_pending'),
        ...keyProblems,
        default: anyOther,
      },
      security: [{ bearer: ['keys:rotate'] }],
    },
  },
  '/admin/keys/{kid}/compromise': {
    post: {
      operationId: 'compromiseKey',
      tags,
      summary: 'Takes a key that has leaked out of use at once, with everything that it has signed',
      requestParams: { path: z.object({ kid: z.string().meta({ description: 'RFC 7638 thumbprint' }) }) },
      requestBody: { required: true, content: { 'application/json': { schema: compromise } } },
      responses: {
        200: json('Nobody takes it any more', keyRing),
        400: problem('The body is not as it has to be.', 'validation_failed', 'malformed_json'),
        404: problem('No such key is in the ring, or was lately.', 'key_not_found'),
        ...keyProblems,
        default: anyOther,
      },
      security: [{ bearer: ['keys:compromise'] }],
    },
  },
};
