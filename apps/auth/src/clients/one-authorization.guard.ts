import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { type IncomingMessage } from 'node:http';
import { OAuthError } from '../tokens/oauth-error';

/**
 * Refuses two `Authorization` headers, of which Node shows the first: whoever stands before auth may have gone by the
 * other.
 */
@Injectable()
export class OneAuthorization implements CanActivate {
  /** @throws OAuthError `invalid_request` */
  canActivate(context: ExecutionContext): boolean {
    const { rawHeaders } = context.switchToHttp().getRequest<{ readonly raw: IncomingMessage }>().raw;
    const sent = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'authorization');
    if (sent.length <= 1) return true;
    throw new OAuthError('invalid_request', 'The client authenticates in more than one way.');
  }
}
