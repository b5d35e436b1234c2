import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { type JsonWebKeySet, Public } from '@token-relay/jwt-guard';
import { CacheableDocument, type DocumentReply } from '../discovery/cacheable-document';
import { SigningKeys } from './signing-keys';

@Controller('.well-known')
export class JwksController {
  #current: { readonly jwks: JsonWebKeySet; readonly late: number; readonly document: CacheableDocument } | undefined;

  constructor(@Inject(SigningKeys) private readonly keys: SigningKeys) {}

  @Public('Public keys are for whoever verifies a token.')
  @Get('jwks.json')
  jwks(
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: DocumentReply,
  ): Buffer | undefined {
    return this.document().send(reply, known, this.keys.times.jwksMaxAgeSeconds);
  }

  private document(): CacheableDocument {
    const { jwks, lateHandlingSeconds: late } = this.keys;
    if (this.#current?.jwks !== jwks || this.#current.late !== late) {
      // A set may have more members (RFC 7517, section 5): for how long there are keys is theirs to say.
      const content = { ...jwks, ...(late > 0 && { late_handling_seconds: late }) };
      this.#current = { jwks, late, document: new CacheableDocument(content, 'application/jwk-set+json') };
    }
    return this.#current.document;
  }
}
