import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import {
  isRefusal,
  type Problem,
  RETRY_AFTER_SECONDS,
  type RpcRefusal,
  toProblem,
  toRpcRefusal,
  transactionIdOf,
} from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { type Observable, throwError } from 'rxjs';
import { type Logger } from './logger';
import { PROBLEM_MEDIA_TYPE, ProblemException } from './problem-exception';

/** A problem document without its transaction, perhaps with more members. */
type Fault = Omit<Problem, 'transactionId'>;

/** What Fastify calls an error, and what its caller reads. */
const FASTIFY: Readonly<Record<string, readonly [code: string, detail: string]>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_json', 'The body is not valid JSON.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed_json', 'The body is empty, though it is said to be JSON.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body is larger than is accepted here.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The body is of a type that is not accepted here.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_request', 'The body is not as long as it is said to be.'],
  FST_ERR_BAD_URL: ['malformed_url', 'The URL is not well-formed.'],
  FST_ERR_MAX_PARAM_LENGTH: ['url_too_long', 'A part of the URL is too long.'],
};

const BY_STATUS: Readonly<Record<number, readonly [code: string, detail: string]>> = {
  400: ['malformed_request', 'The request is not well-formed.'],
  401: ['unauthorized', 'The request is not authorized.'],
  403: ['forbidden', 'The request is not allowed.'],
  404: ['route_not_found', 'There is nothing at this URL.'],
  405: ['method_not_allowed', 'There is something at this URL, but not for this method.'],
  408: ['request_timeout', 'The request did not arrive in time.'],
  413: ['body_too_large', 'The body is larger than is accepted here.'],
  414: ['url_too_long', 'The URL is too long.'],
  415: ['unsupported_media_type', 'The body is of a type that is not accepted here.'],
  431: ['headers_too_large', 'The headers are larger than is accepted here.'],
  503: ['unavailable', 'This can not be answered at the moment.'],
};

const OTHER_4XX = ['request_refused', 'The request was refused.'] as const;
const OTHER_5XX = ['internal_error', 'Something went wrong here.'] as const;

/** The document for a status that nobody said more about. */
export function problemOf(status: number, code?: string, detail?: string): Fault {
  const [byDefault, text] = BY_STATUS[status] ?? (status < 500 ? OTHER_4XX : OTHER_5XX);
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: code ?? byDefault,
    detail: detail ?? text,
  };
}

/** What Fastify's router refuses before any hook runs, a malformed URL for one. */
export function answerFrameworkError(error: { code?: string; statusCode?: number }, reply: FastifyReply): void {
  const [code, detail] = FASTIFY[error.code ?? ''] ?? [];
  const fault = problemOf(error.statusCode ?? 500, code, detail);
  sendProblem(reply, { ...fault, transactionId: randomUUID() }, PROBLEM_MEDIA_TYPE);
}

/** What was answered in place of a result, for the request log. */
const PROBLEM_CODE = Symbol('problem-code');

export function problemCodeOf(reply: FastifyReply): string | undefined {
  return (reply as { [PROBLEM_CODE]?: string })[PROBLEM_CODE];
}

const rpcRefusals = new WeakMap<object, RpcRefusal>();

/** What a message was answered with in place of a result, for the log. @param context of the message */
export function rpcRefusalOf(context: object): RpcRefusal | undefined {
  return rpcRefusals.get(context);
}

function sendProblem(reply: FastifyReply, problem: Problem, mediaType: string): void {
  Object.assign(reply, { [PROBLEM_CODE]: problem.code });
  trace.getActiveSpan()?.setAttribute('token_relay.code', problem.code);
  void reply
    .status(problem.status)
    .header('content-type', mediaType)
    .header('cache-control', 'no-store')
    // Bytes: to a text Fastify would add a charset, which these media types don't have.
    .send(Buffer.from(JSON.stringify(problem)));
}

/**
 * Every error of a service as its caller may see it: a problem document over HTTP, the same facts as an object
 * over RPC. What nobody foresaw is logged, and told as `internal_error` without a word of what it was.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    /** The methods that there is a route for at an URL. */
    private readonly allowedMethods: (url: string) => readonly string[],
  ) {}

  catch(exception: unknown, host: ArgumentsHost): Observable<never> | undefined {
    if (host.getType() === 'rpc') return this.answerRpc(exception, host.switchToRpc().getContext<object>());
    this.answerHttp(exception, host);
    return undefined;
  }

  private answerHttp(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // The client has gone, or has most of an answer already: there is nobody to tell.
    if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) {
      reply.raw.destroy();
      return;
    }
    const transactionId = transactionIdOf(request) ?? randomUUID();
    const fault = this.withMethods(faultOf(exception), request, reply);
    if (fault.status >= 500) this.report(exception, fault);
    if (fault.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', RETRY_AFTER_SECONDS);
    const mediaType = exception instanceof ProblemException ? exception.mediaType : PROBLEM_MEDIA_TYPE;
    sendProblem(reply, { ...fault, transactionId }, mediaType);
  }

  /** Nest answers 404 to a method that a route doesn't have (RFC 9110, section 15.5.6 wants 405). */
  private withMethods(fault: Fault, request: FastifyRequest, reply: FastifyReply): Fault {
    if (fault.code !== 'route_not_found') return fault;
    const methods = this.allowedMethods(request.url);
    if (methods.length === 0 || methods.includes(request.method)) return fault;
    reply.header('allow', methods.join(', '));
    return problemOf(405);
  }

  private answerRpc(exception: unknown, context: object): Observable<never> {
    const transactionId = transactionIdOf(context);
    return throwError(() => {
      const refusal = this.rpcRefusal(exception, transactionId);
      rpcRefusals.set(context, refusal);
      return refusal;
    });
  }

  private rpcRefusal(exception: unknown, transactionId: string | undefined): RpcRefusal {
    if (isRefusal(exception)) return toRpcRefusal(exception, transactionId);
    const error = rpcError(exception);
    if (error) return error;
    const fault = faultOf(exception);
    if (fault.status >= 500) this.report(exception, fault);
    return {
      status: fault.status,
      code: fault.code,
      error: fault.status < 500 ? 'invalid_request' : 'server_error',
      error_description: fault.detail,
      ...(transactionId === undefined ? {} : { transactionId }),
    };
  }

  private report(exception: unknown, fault: Fault): void {
    // Meant as it is, by somebody who knew why.
    if (exception instanceof ProblemException) return;
    const cause = exception instanceof Error && fault.code !== 'internal_error' ? exception.cause : undefined;
    const { debug } = (cause ?? {}) as { debug?: string };
    const level = fault.code === 'internal_error' ? 'error' : 'warn';
    this.logger[level]({ err: rootOf(cause ?? exception), debug, code: fault.code }, fault.detail);
  }
}

function rootOf(error: unknown): unknown {
  return isRefusal(error) && error.cause !== undefined ? error.cause : error;
}

function faultOf(exception: unknown): Fault {
  if (isRefusal(exception)) return toProblem(exception, undefined);
  if (exception instanceof ProblemException) {
    const { code, detail, extensions } = exception;
    return { ...problemOf(exception.getStatus(), code, detail), ...extensions };
  }
  if (exception instanceof HttpException) {
    const body = exception.getResponse();
    // jwt-guard's own: they are problem documents already.
    if (isProblem(body)) return body;
    const cause = exception.cause as { code?: unknown } | undefined;
    const [code, detail] = FASTIFY[String(cause?.code)] ?? [];
    return problemOf(exception.getStatus(), code, detail);
  }
  return problemOf(500);
}

function rpcError(exception: unknown): RpcRefusal | undefined {
  const { getError } = (exception ?? {}) as { getError?: () => unknown };
  const error = typeof getError === 'function' ? getError.call(exception) : undefined;
  return isRpcRefusal(error) ? error : undefined;
}

function isProblem(value: unknown): value is Problem {
  return isObject(value) && typeof value.code === 'string' && typeof value.status === 'number' && 'title' in value;
}

function isRpcRefusal(value: unknown): value is RpcRefusal {
  return isObject(value) && typeof value.code === 'string' && typeof value.status === 'number' && 'error' in value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
