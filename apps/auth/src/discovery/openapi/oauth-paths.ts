import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { GRANT_TYPE_CLIENT_CREDENTIALS } from '../../tokens/client-credentials';
import { GRANT_TYPE_REFRESH_TOKEN } from '../../tokens/refresh-grant';
import { GRANT_TYPE_TOKEN_EXCHANGE } from '../../tokens/token-exchange';
import { anyOther, json, noStore, oauthProblem, passing, storeUnavailable, unknownClient } from './responses';
import { issuedToken, issuedTokens } from './session-paths';

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

const words = z.string().meta({ description: 'Words, with a space between each two', examples: ['documents:read'] });
const audience = z.string().meta({ description: "One of the client's audiences", examples: ['resource'] });
const clientId = z.string().meta({ description: 'A native client: all that it can say of itself' });
const alsoInBasic = clientId.optional().meta({ description: 'A service needn’t; it is in `Authorization`' });

const exchange = z
  .object({
    grant_type: z.literal(GRANT_TYPE_TOKEN_EXCHANGE),
    subject_token: z.string().meta({ description: 'An access token that is meant for the client' }),
    subject_token_type: z.literal(ACCESS_TOKEN_TYPE),
    requested_token_type: z.literal(ACCESS_TOKEN_TYPE).optional(),
    audience,
    scope: words.optional(),
    client_id: alsoInBasic,
  })
  .meta({ id: 'TokenExchange', description: 'RFC 8693. The client becomes the outermost actor.' });

const refresh = z
  .object({
    grant_type: z.literal(GRANT_TYPE_REFRESH_TOKEN),
    refresh_token: z.string(),
    scope: words.optional().meta({ description: 'Some of the scopes that the session has. Default: all of them' }),
    client_id: clientId,
  })
  .meta({ id: 'Refresh', description: 'RFC 6749, section 6, for native clients' });

const credentials = z
  .object({
    grant_type: z.literal(GRANT_TYPE_CLIENT_CREDENTIALS),
    audience,
    scope: words.optional().meta({ description: "Some of the client's own scopes. Default: all of them" }),
    client_id: alsoInBasic,
  })
  .meta({ id: 'ClientCredentials', description: "RFC 6749, section 4.4: a service's own token" });

export const exchangedToken = issuedToken
  .extend({ issued_token_type: z.literal(ACCESS_TOKEN_TYPE) })
  .meta({ id: 'ExchangedToken' });

const token = z.object({
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

const form = (schema: z.ZodType) => ({
  required: true,
  content: { 'application/x-www-form-urlencoded': { schema } },
});
const tags = ['OAuth'];

/** The endpoints of OAuth, on auth alone: the gateway does not pass them on. */
export const oauthPaths: ZodOpenApiPathsObject = {
  '/oauth/token': {
    post: {
      operationId: 'token',
      tags,
      summary: 'Gets a token',
      requestBody: form(z.discriminatedUnion('grant_type', [exchange, refresh, credentials])),
      responses: {
        200: json('The token', z.union([exchangedToken, issuedTokens, issuedToken])),
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
      security: [{ client: [] }],
    },
  },
};
