import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { exceptQuery } from '../../sessions/session.controller';
import { credentials } from '../../users/login.controller';
import { anyOther, json, noStore, passing, problem, storeUnavailable } from './responses';

export const issuedToken = z
  .strictObject({
    access_token: z.string().meta({ description: 'A JWT (RFC 9068)' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds' }),
    scope: z.string().optional().meta({ description: 'Absent where the token has none' }),
  })
  .meta({ id: 'IssuedToken' });

const refreshToken = z
  .string()
  .regex(/^rt_[A-Za-z0-9_-]{84}$/)
  .meta({ description: 'Opaque; good for one refresh' });

/** What a native client gets. */
export const issuedTokens = issuedToken
  .extend({ refresh_token: refreshToken })
  .meta({ id: 'IssuedTokens', description: 'What a native client gets' });

export const sessions = z.strictObject({
  sessions: z
    .array(
      z.strictObject({
        id: z.string(),
        current: z.boolean().meta({ description: 'Whether it is the one that asks' }),
        client_id: z.string(),
        created_at: z.iso.datetime(),
        last_used_at: z.iso.datetime(),
        expires_at: z.iso.datetime(),
        user_agent: z.string().optional(),
        address: z.string().optional(),
      }),
    )
    .max(1_000)
    .meta({ description: 'The one that was used last comes first' }),
});

const id = z.object({ id: z.string().meta({ description: 'As the list of sessions has it' }) });

const cookie = (description: string) =>
  noStore.extend({
    'Set-Cookie': z
      .string()
      .optional()
      .meta({ description: `\`__Host-refresh\`: ${description}` }),
  });

const notFromHere = problem(
  'The header `X-Token-Relay` is missing, or the page is of another origin.',
  'csrf_header_missing',
  'origin_not_allowed',
);
const notASession = problem(
  'There is no cookie, or its session has ended. The cookie stays.',
  'refresh_token_missing',
  'session_ended',
);
const tags = ['Sessions'];

/** A user's sessions, as a browser and a native client have them. The gateway passes these routes on. */
export const sessionPaths: ZodOpenApiPathsObject = {
  '/auth/login': {
    post: {
      operationId: 'login',
      tags,
      summary: 'Begins a session',
      description: 'First-party login. With the `client_id` of a native client the refresh token is in the body.',
      requestBody: { required: true, content: { 'application/json': { schema: credentials } } },
      responses: {
        200: json(
          'A session has begun',
          z.union([issuedToken, issuedTokens]),
          cookie('the refresh token of a browser'),
        ),
        400: problem(
          'The body is not as it has to be, or its client is no native one, or asks from a page.',
          'validation_failed',
          'malformed_json',
          'client_not_native',
        ),
        401: problem('The username or the password is wrong.', 'invalid_credentials'),
        403: problem('The page is of another origin.', 'origin_not_allowed'),
        415: problem('Credentials are taken as application/json only.', 'unsupported_media_type'),
        429: passing('There were too many attempts.', 'too_many_attempts'),
        503: passing('This can not be answered at the moment.', 'login_busy', 'store_unavailable'),
        default: anyOther,
      },
      security: [],
    },
  },
  '/auth/refresh': {
    post: {
      operationId: 'refresh',
      tags,
      summary: 'Gets a new access token, and the next refresh token',
      description:
        'A refresh token that is sent again gets the same successor, until that is used for the first time and 10 s longer. Later it ends the session.',
      responses: {
        200: json('The session goes on', issuedToken, cookie('the next refresh token')),
        401: notASession,
        403: notFromHere,
        429: passing('The same refresh token was sent too often.', 'refresh_too_often'),
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ session: [], csrf: [] }],
    },
  },
  '/auth/logout': {
    post: {
      operationId: 'logout',
      tags,
      summary: 'Ends this session, if there is one',
      responses: {
        204: { description: 'There is none any more', headers: cookie('deleted') },
        403: notFromHere,
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ session: [], csrf: [] }, { csrf: [] }],
    },
  },
  '/auth/sessions': {
    get: {
      operationId: 'listSessions',
      tags,
      summary: "The user's sessions",
      responses: {
        200: json('The sessions that there are', sessions),
        401: notASession,
        403: problem('The page is of another origin.', 'origin_not_allowed'),
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ session: [] }],
    },
    delete: {
      operationId: 'endSessions',
      tags,
      summary: "Ends all of the user's sessions, or with `except=current` all but this one",
      requestParams: { query: exceptQuery },
      responses: {
        204: { description: 'They have ended', headers: cookie('deleted, unless this session goes on') },
        400: problem('Something else than `current` is excepted.', 'validation_failed'),
        401: notASession,
        403: notFromHere,
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ session: [], csrf: [] }],
    },
  },
  '/auth/sessions/{id}': {
    delete: {
      operationId: 'endSession',
      tags,
      summary: "Ends one of the user's sessions",
      requestParams: { path: id },
      responses: {
        204: { description: 'It has ended', headers: cookie('deleted, if it was this session') },
        401: notASession,
        403: notFromHere,
        404: problem("There is no such session, or it is another user's.", 'session_not_found'),
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ session: [], csrf: [] }],
    },
  },
};
