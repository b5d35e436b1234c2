import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { GRANT_TYPE_CLIENT_CREDENTIALS } from '../../tokens/client-credentials';
import { GRANT_TYPE_REFRESH_TOKEN } from '../../tokens/refresh-grant';
import { GRANT_TYPE_TOKEN_EXCHANGE } from '../../tokens/token-exchange';
import { ACCESS_TOKEN, TRANSACTION_TOKEN } from '../../tokens/token-types';
import { assertion, form } from './client-forms';
import { anyOther, json, noStore, oauthProblem, passing, storeUnavailable, unknownClient } from './responses';
import { issuedToken, issuedTokens } from './session-paths';

const words = z.string().meta({ description: 'Words, with a space between each two', examples: ['documents:read'] });
const audience = z.string().meta({ description: "One of the client's audiences", examples: ['resource'] });
const clientId = z.string().meta({ description: 'A native client: all that it can say of itself' });
const alsoInBasic = clientId.optional().meta({ description: 'A service needn’t; it is in `Authorization`' });

const subject = assertion.extend({
  grant_type: z.literal(GRANT_TYPE_TOKEN_EXCHANGE),
  subject_token: z.string().meta({ description: 'An access token that is meant for the client' }),
  subject_token_type: z.literal(ACCESS_TOKEN),
  client_id: alsoInBasic,
});

const exchange = subject
  .extend({ requested_token_type: z.literal(ACCESS_TOKEN).optional(), audience, scope: words.optional() })
  .meta({ id: 'TokenExchange', description: 'RFC 8693. The client becomes the outermost actor.' });

const json4096 = (what: string) =>
  z
    .string()
    .optional()
    .meta({ description: `${what}: a JSON object, 4 KiB at most` });

const transaction = subject
  .extend({
    requested_token_type: z.literal(TRANSACTION_TOKEN),
    audience: z.string().meta({ description: 'The trust domain', examples: ['issuer.example'] }),
    scope: words,
    request_details: json4096('What the transaction is about, which becomes `tctx`'),
    request_context: json4096('Where it comes from, which becomes `rctx`'),
  })
  .meta({
    id: 'TransactionTokenRequest',
    description: 'draft-ietf-oauth-transaction-tokens. For clients that may begin transactions.',
  });

const refresh = z
  .object({
    grant_type: z.literal(GRANT_TYPE_REFRESH_TOKEN),
    refresh_token: z.string(),
    scope: words.optional().meta({ description: 'Some of the scopes that the session has. Default: all of them' }),
    client_id: clientId,
  })
  .meta({ id: 'Refresh', description: 'RFC 6749, section 6, for native clients' });

const credentials = assertion
  .extend({
    grant_type: z.literal(GRANT_TYPE_CLIENT_CREDENTIALS),
    audience,
    scope: words.optional().meta({ description: "Some of the client's own scopes. Default: all of them" }),
    client_id: alsoInBasic,
  })
  .meta({ id: 'ClientCredentials', description: "RFC 6749, section 4.4: a service's own token" });

export const exchangedToken = issuedToken
  .extend({ issued_token_type: z.literal(ACCESS_TOKEN), scope: z.string() })
  .meta({ id: 'ExchangedToken' });

export const transactionToken = exchangedToken
  .extend({
    access_token: z.string().meta({ description: 'A transaction token, for the header `Txn-Token`: no access token' }),
    issued_token_type: z.literal(TRANSACTION_TOKEN),
    token_type: z.literal('N_A'),
  })
  .meta({ id: 'TransactionToken' });

const token = assertion.extend({
  token: z.string(),
  token_type_hint: z.string().optional().meta({ description: 'Needn’t be right' }),
});

export const activeToken = z
  .object({
    active: z.literal(true),
    token_type: z.literal('Bearer'),
    iss: z.string(),
    sub: z.string().meta({ description: 'A user, which is a UUID; or a service, by its id' }),
    aud: z.union([z.string(), z.array(z.string())]),
    client_id: z.string(),
    scope: z.string().optional(),
    jti: z.string(),
    iat: z.number(),
    exp: z.number(),
    sid: z.string().optional().meta({ description: "The session of a user's token" }),
    act: z.looseObject({ sub: z.string() }).optional().meta({ description: 'Who acts for the subject' }),
  })
  .loose()
  .meta({ id: 'ActiveToken' });
export const inactiveToken = z.strictObject({ active: z.literal(false) }).meta({ id: 'InactiveToken' });

const tags = ['OAuth'];

/** The endpoints of OAuth, on auth alone: the gateway does not pass them on. */
export const oauthPaths: ZodOpenApiPathsObject = {
  '/oauth/token': {
    post: {
      operationId: 'token',
      tags,
      summary: 'Gets a token',
      requestBody: form(z.union([exchange, transaction, refresh, credentials])),
      responses: {
        200: json('The token', z.union([exchangedToken, transactionToken, issuedTokens, issuedToken])),
        400: oauthProblem(
          'The request is refused.',
          'invalid_request',
          'invalid_grant',
          'unauthorized_client',
          'invalid_scope',
          'invalid_target',
          'unsupported_grant_type',
        ),
        401: unknownClient,
        429: passing('The same refresh token was sent too often.', 'refresh_too_often'),
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ client: [] }, {}],
    },
  },
  '/oauth/revoke': {
    post: {
      operationId: 'revoke',
      tags,
      summary:
        'Gives up a token of the client (RFC 7009): an access token with whatever was exchanged from it, a refresh token with its session',
      requestBody: form(token.extend({ client_id: clientId.optional() })),
      responses: {
        200: { description: 'It counts nowhere; or never did', headers: noStore },
        400: oauthProblem('The token is missing, or was issued to another client.', 'invalid_request', 'invalid_grant'),
        401: unknownClient,
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ client: [] }, {}],
    },
  },
  '/oauth/introspect': {
    post: {
      operationId: 'introspect',
      tags,
      summary: 'Tells what is in a token that is meant for the client, and whether it counts (RFC 7662)',
      requestBody: form(token),
      responses: {
        200: json('The token', z.discriminatedUnion('active', [activeToken, inactiveToken])),
        400: oauthProblem('The token is missing.', 'invalid_request'),
        401: unknownClient,
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ client: [] }, {}],
    },
  },
};
