import { type ZodOpenApiComponentsObject } from 'zod-openapi';

export const SECURITY_SCHEMES = {
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-refresh',
    description: 'The refresh token of a browser: HttpOnly, Secure, SameSite=Strict.',
  },
  csrf: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Token-Relay',
    description: 'Always `1`: what pages of other origins can not send. No secret.',
  },
  client: {
    type: 'http',
    scheme: 'basic',
    description:
      'A service, with its secret: `client_secret_basic` (RFC 6749, section 2.3.1), both parts form-encoded. One with keys sends `client_assertion` in the form instead.',
  },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token for the audience `auth` (RFC 9068), with the scopes that the route lists.',
  },
} satisfies ZodOpenApiComponentsObject['securitySchemes'];
