import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { type JsonWebKeySet, Public } from '@token-relay/jwt-guard';
import { createHash } from 'node:crypto';
import { SigningKeys } from './signing-keys';

interface Reply {
  header(name: string, value: string): Reply;
  status(code: number): Reply;
}

interface Document {
  readonly bytes: Buffer;
  readonly etag: string;
}

@Controller('.well-known')
export class JwksController {
  readonly #documents = new WeakMap<JsonWebKeySet, Document>();

  constructor(@Inject(SigningKeys) private readonly keys: SigningKeys) {}

  @Public('Public keys are for whoever verifies a token.')
  @Get('jwks.json')
  jwks(
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): Buffer | undefined {
    const { jwks, times } = this.keys;
    const { bytes, etag } = this.documentOf(jwks);
    reply.header('cache-control', `public, max-age=${times.jwksMaxAgeSeconds}`).header('etag', etag);
    if (known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
      reply.status(304);
      return undefined;
    }
    reply.header('content-type', 'application/jwk-set+json');
    // Bytes: to a text Fastify would add a charset, which this media type doesn't have.
    return bytes;
  }

  private documentOf(jwks: JsonWebKeySet): Document {
    let document = this.#documents.get(jwks);
    if (!document) {
      const bytes = Buffer.from(JSON.stringify(jwks));
      document = { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url')}"` };
      this.#documents.set(jwks, document);
    }
    return document;
  }
}
