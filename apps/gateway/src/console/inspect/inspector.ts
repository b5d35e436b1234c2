import { Inject, Injectable } from '@nestjs/common';
import { type DecisionTrace, TokenVerifier } from '@token-relay/jwt-guard';
import { ProblemException, validate } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../gateway.config';
import { bufferedBody } from '../../request-body';

const MAX_BODY_BYTES = 16 * 1024;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

const submitted = z.strictObject({ token: z.string('must be a text').trim().min(1, 'must not be empty') });

/**
 * Explains the token that a request holds. It may be somebody's that counts: it is in no line of the log, in no error, and
 * forgotten with the answer.
 */
@Injectable()
export class Inspector {
  constructor(
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    @Inject(GATEWAY_CONFIG) private readonly config: Pick<GatewayConfig, 'UPSTREAM_TIMEOUT_MS'>,
  ) {}

  /** @throws ProblemException `unsupported_media_type`, `body_too_large`, `malformed_json`, `validation_failed` */
  async explain(request: FastifyRequest, reply: FastifyReply): Promise<DecisionTrace> {
    // What a form of another page could send without asking is none.
    if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
      throw new ProblemException(415, 'unsupported_media_type', 'The body is of a type that is not accepted here.');
    }
    const { UPSTREAM_TIMEOUT_MS: idleMs } = this.config;
    const body = await bufferedBody(request, reply, { maxBytes: MAX_BODY_BYTES, idleMs });
    const { token } = validate(submitted, parsed(body));
    return this.verifier.explain(token);
  }
}

/** Why it is no JSON is thrown away: that would quote from it. */
function parsed(body: Buffer | undefined): unknown {
  try {
    return JSON.parse(body?.toString('utf8') ?? '');
  } catch {
    throw new ProblemException(400, 'malformed_json', 'The body is not valid JSON.');
  }
}
