import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type oas31 } from 'zod-openapi';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { openApiDocument } from './openapi/document';

/** For developers: what there is, for tools to read. */
@Controller()
export class OpenApiController {
  constructor(@Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER' | 'AUTH_URL' | 'DEMO'>) {}

  @Public('The same for everybody, and in development only.')
  @Get('openapi.json')
  @Header('cache-control', 'no-store')
  document(): oas31.OpenAPIObject {
    return openApiDocument(this.config);
  }
}
