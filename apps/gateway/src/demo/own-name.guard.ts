import { type CanActivate, type ExecutionContext, Injectable, NotFoundException } from '@nestjs/common';
import { type IncomingHttpHeaders } from 'node:http';

/** The demo listens on 127.0.0.1, and on nothing else. */
const OWN_NAME = /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/i;

/**
 * For what the demo tells whoever asks: it is told to those who ask this machine by its own name. A page elsewhere can
 * have its own name resolved to 127.0.0.1 (DNS rebinding), but not change what it is called. For it there is nothing.
 */
@Injectable()
export class OwnNameGuard implements CanActivate {
  /** @throws NotFoundException */
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ readonly headers: IncomingHttpHeaders }>();
    if (OWN_NAME.test(headers.host ?? '')) return true;
    throw new NotFoundException();
  }
}
