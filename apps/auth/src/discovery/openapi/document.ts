import { createDocument, type oas31 } from 'zod-openapi';
import { type AuthConfig } from '../../auth.config';
import { adminPaths } from './admin-paths';
import { demoPaths } from './demo-paths';
import { oauthPaths } from './oauth-paths';
import { SECURITY_SCHEMES } from './security';
import { servicePaths } from './service-paths';
import { sessionPaths } from './session-paths';

/** What every route of auth takes and answers, as OpenAPI 3.1 has it. Requests are described by what validates them. */
export function openApiDocument({
  ISSUER,
  AUTH_URL = ISSUER,
  DEMO,
}: Pick<AuthConfig, 'ISSUER' | 'AUTH_URL' | 'DEMO'>): oas31.OpenAPIObject {
  return createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'auth',
        version: '1',
        description: 'Sessions, tokens, keys and revocations. Browsers reach the session routes through the gateway.',
      },
      servers: [{ url: AUTH_URL }],
      paths: { ...sessionPaths, ...oauthPaths, ...adminPaths, ...servicePaths, ...(DEMO && demoPaths) },
      components: { securitySchemes: SECURITY_SCHEMES },
    },
    {
      override: ({ jsonSchema, io }) => {
        // An answer may have more members one day: who reads it has to leave those alone.
        if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    },
  );
}
