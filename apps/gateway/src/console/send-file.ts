import { type FastifyReply } from 'fastify';
import { type ConsoleFile } from './console-files';
import { PAGE_HEADERS } from './page-headers';

const FOREVER = 'public, max-age=31536000, immutable';
/** It is asked each time whether it is still the same. */
const ASKED_AGAIN = 'no-cache';

/** @param vary what else the answer depends on, besides the encoding */
export function sendFile(reply: FastifyReply, file: ConsoleFile, vary: readonly string[] = []): FastifyReply {
  const { 'accept-encoding': accepted, 'if-none-match': known } = reply.request.headers;
  reply.headers(PAGE_HEADERS).headers({
    etag: file.etag,
    'cache-control': file.immutable ? FOREVER : ASKED_AGAIN,
    vary: [...vary, 'accept-encoding'].join(', '),
  });
  if (isKnown(known, file.etag)) return reply.status(304).send();
  reply.header('content-type', file.type);
  if (!file.gzip || !takesGzip(String(accepted ?? ''))) return reply.send(file.body);
  return reply.header('content-encoding', 'gzip').send(file.gzip);
}

function isKnown(known: string | undefined, etag: string): boolean {
  return known !== undefined && known.split(',').some((one) => one.trim() === etag || one.trim() === '*');
}

/** RFC 9110, section 12.5.3; `q=0` is a refusal. */
function takesGzip(accepted: string): boolean {
  return accepted.split(',').some((coding) => /^\s*gzip\s*(?:;\s*q=(?:1|0\.\d*[1-9]).*)?$/i.test(coding));
}
