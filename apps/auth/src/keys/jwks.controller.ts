import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { type JsonWebKeySet, Public } from '@token-relay/jwt-guard';
import { CacheableDocument, type DocumentReply } from '../discovery/cacheable-document';
import { SigningKeys } from './signing-keys';

@Controller('.well-known')
export class JwksController {
  readonly #documents = new WeakMap<JsonWebKeySet, CacheableDocument>();

  constructor(@Inject(SigningKeys) private readonly keys: SigningKeys) {}

  @Public('Public keys are for whoever verifies a token.')
  @Get('jwks.json')
  jwks(
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: DocumentReply,
  ): Buffer | undefined {
    const { jwks, times } = this.keys;
    return this.documentOf(jwks).send(reply, known, times.jwksMaxAgeSeconds);
  }

  private documentOf(jwks: JsonWebKeySet): CacheableDocument {
    let document = this.#documents.get(jwks);
    if (!document) this.#documents.set(jwks, (document = new CacheableDocument(jwks, 'application/jwk-set+json')));
    return document;
  }
}
