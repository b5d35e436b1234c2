import { z } from 'zod';
import { type ZodOpenApiPathsObject } from 'zod-openapi';
import { assertion, form } from './client-forms';
import { anyOther, json, oauthProblem, storeUnavailable, unknownClient } from './responses';

export const expiredToken = z
  .strictObject({
    access_token: z.string().meta({ description: 'The same token, but for `jti`, `iat` and `exp`' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().negative().meta({ description: 'Seconds: for how long it has not counted any more' }),
  })
  .meta({ id: 'ExpiredToken' });

/** What there is for the demo alone (`DEMO=1`). */
export const demoPaths: ZodOpenApiPathsObject = {
  '/demo/expired-token': {
    post: {
      operationId: 'expiredToken',
      tags: ['Demo'],
      summary: 'Gives for a good token the same one whose time is over, in development only',
      requestBody: form(
        assertion.extend({
          subject_token: z.string().meta({ description: 'An access token that is meant for the client' }),
        }),
      ),
      responses: {
        200: json('The token', expiredToken),
        400: oauthProblem('The token is missing, or refused.', 'invalid_request'),
        401: unknownClient,
        503: storeUnavailable,
        default: anyOther,
      },
      security: [{ client: [] }, {}],
    },
  },
};
