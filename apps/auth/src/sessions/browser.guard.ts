import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { ProblemException } from '@token-relay/service-kit';
import { type IncomingHttpHeaders } from 'node:http';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';

/** A page elsewhere can't send it without asking first, and nobody is told yes. */
const CSRF_HEADER = 'x-token-relay';

interface Request {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** Lets pages of the gateway's own origin use the routes of sessions, and clients that are no browsers. */
@Injectable()
export class OriginGuard implements CanActivate {
  constructor(@Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER'>) {}

  /** @throws ProblemException 403 `origin_not_allowed` */
  canActivate(context: ExecutionContext): boolean {
    const { origin } = context.switchToHttp().getRequest<Request>().headers;
    if (origin === undefined || origin === this.config.ISSUER) return true;
    throw new ProblemException(403, 'origin_not_allowed', 'Pages of this origin may not use sessions.');
  }
}

/** For what a cookie alone authorizes: that no other page has made the browser send it. */
@Injectable()
export class CsrfGuard implements CanActivate {
  /** @throws ProblemException 403 `csrf_header_missing` */
  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<Request>();
    // What only reads is of no use to a page that isn't let see the answer.
    if (method === 'GET' || method === 'HEAD' || headers[CSRF_HEADER] === '1') return true;
    throw new ProblemException(403, 'csrf_header_missing', 'The header X-Token-Relay: 1 is required here.');
  }
}
