import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { assertion, form } from './client-forms';
import { anyOther, json, noStore, oauthProblem, passing, problem, storeUnavailable, unknownClient } from './responses';

const url = z.url();
const names = z.array(z.string());
const lateHandling = z.int().positive().optional().meta({
  description:
    'How many seconds after it was issued a token may be judged late: keys and revocations are kept for it. Absent for never',
});

export const metadata = z
  .strictObject({
    issuer: url,
    jwks_uri: url,
    token_endpoint: url,
    token_endpoint_auth_methods_supported: names,
    token_endpoint_auth_signing_alg_values_supported: names,
    grant_types_supported: names,
    revocation_endpoint: url,
    revocation_endpoint_auth_methods_supported: names,
    revocation_endpoint_auth_signing_alg_values_supported: names,
    introspection_endpoint: url,
    introspection_endpoint_auth_methods_supported: names,
    introspection_endpoint_auth_signing_alg_values_supported: names,
    subject_token_types_supported: names.meta({ description: 'What can be exchanged' }),
    requested_token_types_supported: names.meta({ description: 'What it can be exchanged for' }),
    trust_domain: z.string().meta({ description: 'The audience of transaction tokens' }),
    late_handling_seconds: lateHandling,
  })
  .meta({
    id: 'ServerMetadata',
    description: 'RFC 8414. Without an authorization endpoint there are no response types.',
  });

export const keySet = z
  .strictObject({
    keys: z.array(
      z
        .object({ kty: z.string(), kid: z.string(), alg: z.string(), use: z.literal('sig') })
        .catchall(z.string())
        .meta({ description: 'A public key' }),
    ),
    late_handling_seconds: lateHandling,
  })
  .meta({ id: 'KeySet', description: 'RFC 7517' });

export const alive = z.strictObject({ service: z.literal('auth'), status: z.literal('ok') });
export const ready = z.strictObject({
  service: z.literal('auth'),
  status: z.literal('ready'),
  revocationAgeSeconds: z.number(),
});

const cached = z.object({ 'Cache-Control': z.string(), ETag: z.string() });
const ifNoneMatch = { header: z.object({ 'If-None-Match': z.string().optional() }) };
const notModified = { description: 'It is what the ETag says', headers: cached };

const lastEventId = {
  header: z.object({
    'Last-Event-ID': z.string().optional().meta({ description: 'Up to where the reader has everything' }),
  }),
};
const feedResponses = {
  200: {
    description: 'The events, for as long as the reader likes',
    headers: noStore,
    content: { 'text/event-stream': { schema: z.string() } },
  },
  401: unknownClient,
  403: problem('The client lacks the scope.', 'client_scope_missing'),
  503: storeUnavailable,
  default: anyOther,
};

/** What is for everybody, and the feed. */
export const servicePaths: ZodOpenApiPathsObject = {
  '/.well-known/oauth-authorization-server': {
    get: {
      operationId: 'metadata',
      tags: ['Discovery'],
      summary: 'Where everything is (RFC 8414)',
      requestParams: ifNoneMatch,
      responses: { 200: json('The metadata', metadata, cached), 304: notModified, default: anyOther },
      security: [],
    },
  },
  '/.well-known/jwks.json': {
    get: {
      operationId: 'keySet',
      tags: ['Discovery'],
      summary: 'The public keys that tokens are verified with',
      requestParams: ifNoneMatch,
      responses: {
        200: json('The keys', keySet, cached, 'application/jwk-set+json'),
        304: notModified,
        default: anyOther,
      },
      security: [],
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openApi',
      tags: ['Discovery'],
      summary: 'This document, in development only',
      responses: { 200: json('An OpenAPI document', z.looseObject({ openapi: z.string() })), default: anyOther },
      security: [],
    },
  },
  '/revocations/feed': {
    get: {
      operationId: 'revocationFeed',
      tags: ['Revocations'],
      summary: 'Everything that is revoked, and what comes',
      description:
        'Server-sent events: `hello`, then `snapshot` and `snapshot-end` unless `Last-Event-ID` is known here, then `revoked`, `keys-changed`, and `heartbeat` each second. After `renewed` the reader begins anew. docs/revocation.md has them all. Needs the scope `revocations:read`.',
      requestParams: lastEventId,
      responses: feedResponses,
      security: [{ client: [] }],
    },
    post: {
      operationId: 'revocationFeedByForm',
      tags: ['Revocations'],
      summary: 'The same, for who authenticates with `private_key_jwt`: an assertion is for no address',
      requestParams: lastEventId,
      requestBody: form(assertion.required()),
      responses: {
        ...feedResponses,
        400: oauthProblem('There is no form, or it says two things.', 'invalid_request', 'invalid_target'),
      },
      security: [{}],
    },
  },
  '/healthz': {
    get: {
      operationId: 'alive',
      tags: ['Health'],
      summary: 'Whether the process runs',
      responses: { 200: json('It does', alive, {}), default: anyOther },
      security: [],
    },
  },
  '/readyz': {
    get: {
      operationId: 'ready',
      tags: ['Health'],
      summary: 'Whether it can answer',
      responses: {
        200: json('It can', ready, {}),
        503: passing('Not yet: `failing` says what is missing.', 'not_ready'),
        default: anyOther,
      },
      security: [],
    },
  },
};
