import { z } from 'zod';
import { type ZodOpenApiHeadersObject, type ZodOpenApiResponseObject } from 'zod-openapi';

const problemDocument = z
  .looseObject({
    type: z.string().meta({ description: 'An URI; `about:blank` unless there is more to read' }),
    title: z.string().meta({ description: 'For people: the status in words' }),
    status: z.int().min(400).max(599),
    code: z.string().meta({ description: 'What is wrong. Stable: decide by it.', examples: ['token_expired'] }),
    detail: z.string().meta({ description: 'For people: what is wrong, in words' }),
    transactionId: z.string().meta({ description: "Finds the call in every service's log" }),
  })
  .meta({ id: 'Problem', description: 'What every error is (RFC 9457). All codes: docs/errors.md' });

const oauthError = z
  .looseObject({
    error: z.string().meta({ description: 'As RFC 6749, section 5.2 has it; `code` is the same' }),
    error_description: z.string(),
  })
  .and(problemDocument)
  .meta({ id: 'OAuthError', description: 'What OAuth clients read, in a problem document' });

export const noStore = z.object({ 'Cache-Control': z.literal('no-store') });

const retryAfter = z.object({
  'Retry-After': z.string().meta({ description: 'Seconds to wait', examples: ['2'] }),
});
const challenge = z.object({
  'WWW-Authenticate': z.string().meta({ description: 'How to authenticate (RFC 9110, section 11.6.1)' }),
});

/** A success with JSON. */
export function json(
  description: string,
  schema: z.ZodType,
  headers: ZodOpenApiHeadersObject = noStore,
  mediaType = 'application/json',
): ZodOpenApiResponseObject {
  return { description, headers, content: { [mediaType]: { schema } } };
}

/** A problem with one of these codes. */
export function problem(description: string, ...codes: [string, ...string[]]): ZodOpenApiResponseObject {
  return { description, content: { 'application/problem+json': { schema: withCode(problemDocument, codes) } } };
}

/** A problem that may be gone after a while. */
export function passing(description: string, ...codes: [string, ...string[]]): ZodOpenApiResponseObject {
  return { ...problem(description, ...codes), headers: retryAfter };
}

/** An error of an OAuth endpoint with one of these codes. */
export function oauthProblem(description: string, ...codes: [string, ...string[]]): ZodOpenApiResponseObject {
  const schema = withCode(oauthError, codes, 'error');
  return { description, content: { 'application/json': { schema } } };
}

function withCode(document: z.ZodType, codes: [string, ...string[]], name = 'code'): z.ZodType {
  return document.and(z.looseObject({ [name]: z.enum(codes) }));
}

export const unknownClient: ZodOpenApiResponseObject = {
  ...oauthProblem('The client is unknown, or is not authenticated as it has to be.', 'invalid_client'),
  headers: challenge,
};

export const storeUnavailable = passing('The store does not answer.', 'store_unavailable');

/** What a route that is for bearers of a token answers to others, and to those when too little is known. */
export function bearerProblems(forbidden: string, ...codes: [string, ...string[]]) {
  return {
    401: {
      description:
        'The token is missing, bad or revoked, or was never issued (`jti_never_issued`): the codes of docs/errors.md.',
      headers: challenge,
      content: { 'application/problem+json': { schema: problemDocument } },
    },
    403: { ...problem(forbidden, ...codes), headers: challenge },
    503: passing(
      'Whether the token counts is not known.',
      'store_unavailable',
      'key_not_yet_known',
      'keys_unavailable',
      'revocation_unavailable',
      'revocation_stale',
    ),
  } satisfies Record<number, ZodOpenApiResponseObject>;
}

/** What any route may answer besides. */
export const anyOther: ZodOpenApiResponseObject = {
  description: 'Any other problem: decide by its `code`.',
  content: { 'application/problem+json': { schema: problemDocument } },
};
