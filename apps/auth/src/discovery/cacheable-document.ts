import { createHash } from 'node:crypto';

/** Fastify's. */
export interface DocumentReply {
  header(name: string, value: string): DocumentReply;
  status(code: number): DocumentReply;
}

/** JSON that is public and may be cached, as it is sent. */
export class CacheableDocument {
  readonly #bytes: Buffer;
  readonly #etag: string;

  constructor(
    content: object,
    private readonly mediaType: string,
  ) {
    this.#bytes = Buffer.from(JSON.stringify(content));
    this.#etag = `"${createHash('sha256').update(this.#bytes).digest('base64url')}"`;
  }

  /**
   * The body of the answer, whose headers it sets; none, and 304, for whoever has the document already.
   *
   * @param known `If-None-Match` (RFC 9110, section 13.1.2)
   */
  send(reply: DocumentReply, known: string | undefined, maxAgeSeconds: number): Buffer | undefined {
    reply.header('cache-control', `public, max-age=${maxAgeSeconds}`).header('etag', this.#etag);
    if (known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === this.#etag)) {
      reply.status(304);
      return undefined;
    }
    reply.header('content-type', this.mediaType);
    // Bytes: to a text Fastify would add a charset, which these media types don't have.
    return this.#bytes;
  }
}
