import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { AUTH_CONFIG } from '../auth.config';
import { SigningKeys } from '../keys/signing-keys';
import { CacheableDocument, type DocumentReply } from './cacheable-document';
import { type MetadataConfig, serverMetadata } from './server-metadata';

const MAX_AGE_SECONDS = 300;

/** Where everything is, for clients that know the issuer's name alone (RFC 8414, section 3). */
@Controller('.well-known')
export class MetadataController {
  #current: { readonly late: number; readonly document: CacheableDocument } | undefined;

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: MetadataConfig,
    @Inject(SigningKeys) private readonly keys: Pick<SigningKeys, 'lateHandlingSeconds'>,
  ) {}

  @Public('What clients begin with; it holds addresses and names.')
  @Get('oauth-authorization-server')
  metadata(
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: DocumentReply,
  ): Buffer | undefined {
    return this.document().send(reply, known, MAX_AGE_SECONDS);
  }

  private document(): CacheableDocument {
    const { lateHandlingSeconds: late } = this.keys;
    if (this.#current?.late !== late) {
      this.#current = { late, document: new CacheableDocument(serverMetadata(this.config, late), 'application/json') };
    }
    return this.#current.document;
  }
}
