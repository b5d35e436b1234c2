import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { anyOther, json, noStore, passing, problem, storeUnavailable, unknownClient } from './responses';

const url = z.url();
const names = z.array(z.string());

export const metadata = z
  .strictObject({
    issuer: url,
    jwks_uri: url,
    token_endpoint: url,
    token_endpoint_auth_methods_supported: names,
    grant_types_supported: names,
    revocation_endpoint: url,
    revocation_endpoint_auth_methods_supported: names,
    introspection_endpoint: url,
    introspection_endpoint_auth_methods_supported: names,
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
      requestParams: {
        header: z.object({
          'Last-Event-ID': z.string().optional().meta({ description: 'Up to where the reader has everything' }),
        }),
      },
      responses: {
        200: {
          description: 'The events, for as long as the reader likes',
          headers: noStore,
          content: { 'text/event-stream': { schema: z.string() } },
        },
        401: unknownClient,
        403: problem('The client lacks the scope.', 'client_scope_missing'),
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ client: [] }],
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
