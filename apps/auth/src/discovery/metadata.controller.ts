import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { CacheableDocument, type DocumentReply } from './cacheable-document';
import { serverMetadata } from './server-metadata';

const MAX_AGE_SECONDS = 300;

/** Where everything is, for clients that know the issuer's name alone (RFC 8414, section 3). */
@Controller('.well-known')
export class MetadataController {
  readonly #document: CacheableDocument;

  constructor(@Inject(AUTH_CONFIG) config: Pick<AuthConfig, 'ISSUER' | 'AUTH_URL'>) {
    this.#document = new CacheableDocument(serverMetadata(config), 'application/json');
  }

  @Public('What clients begin with; it holds addresses and names.')
  @Get('oauth-authorization-server')
  metadata(
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: DocumentReply,
  ): Buffer | undefined {
    return this.#document.send(reply, known, MAX_AGE_SECONDS);
  }
}
