import {
  Controller,
  Delete,
  Get,
  Header,
  Headers,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { ProblemException, validated } from '@token-relay/service-kit';
import { z } from 'zod';
import { type CallerRequest, Callers, GATEWAY } from '../clients/callers';
import { type Reply } from '../clients/client-authentication';
import { OneAuthorization } from '../clients/one-authorization.guard';
import { type Session } from '../store/session-store';
import { type IssuedToken } from '../tokens/token-issuer';
import { CsrfGuard, OriginGuard } from './browser.guard';
import { deletedRefreshCookie, refreshCookie, refreshTokenIn } from './session-cookie';
import { RefreshTooOften } from './session-refusals';
import { Sessions } from './sessions';

export const exceptQuery = z.strictObject({ except: z.literal('current', 'must be current').optional() });
type ExceptQuery = z.infer<typeof exceptQuery>;

/** A session as its user sees it. Times are in RFC 3339, UTC. */
interface ListedSession {
  readonly id: string;
  /** Whether it is the one that asks. */
  readonly current: boolean;
  readonly client_id: string;
  readonly created_at: string;
  readonly last_used_at: string;
  /** When it ends if nobody refreshes it. */
  readonly expires_at: string;
  readonly user_agent?: string;
  readonly address?: string;
}

/**
 * The sessions of browsers, which hold the refresh token in a cookie. A refusal never touches that: another tab may have
 * got a newer one meanwhile.
 */
@Controller('auth')
@Public('The refresh token in the cookie is looked up.')
@UseGuards(OneAuthorization, OriginGuard, CsrfGuard)
export class SessionController {
  constructor(
    @Inject(Callers) private readonly callers: Callers,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  @Post('refresh')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async refresh(
    @Req() request: CallerRequest,
    @Headers('cookie') cookie: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<IssuedToken> {
    const token = required(refreshTokenIn(cookie));
    const device = { address: await this.callers.addressOf(request, reply) };
    const refresh = this.sessions.refresh(token, GATEWAY, device);
    const { accessToken, refreshToken, expiresAt } = await retryLater(reply, refresh);
    reply.header('set-cookie', refreshCookie(refreshToken, expiresAt));
    return accessToken;
  }

  /** Succeeds whatever there was to end. */
  @Post('logout')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async logout(@Headers('cookie') cookie: string | undefined, @Res({ passthrough: true }) reply: Reply): Promise<void> {
    const token = refreshTokenIn(cookie);
    if (token !== undefined) await this.sessions.endBy(token, GATEWAY);
    reply.header('set-cookie', deletedRefreshCookie());
  }

  @Get('sessions')
  @Header('cache-control', 'no-store')
  async list(@Headers('cookie') cookie: string | undefined): Promise<{ readonly sessions: readonly ListedSession[] }> {
    const current = await this.current(cookie);
    const sessions = await this.sessions.list(current.subject);
    return { sessions: sessions.map((session) => listed(session, session.id === current.id)) };
  }

  @Delete('sessions/:id')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async end(
    @Headers('cookie') cookie: string | undefined,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<void> {
    const current = await this.current(cookie);
    if (!(await this.sessions.end(current.subject, id))) {
      throw new ProblemException(404, 'session_not_found', 'There is no such session, or it has ended.');
    }
    if (id === current.id) reply.header('set-cookie', deletedRefreshCookie());
  }

  @Delete('sessions')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async endAll(
    @Headers('cookie') cookie: string | undefined,
    @Query(validated(exceptQuery)) { except }: ExceptQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<void> {
    const current = await this.current(cookie);
    if (except === 'current') {
      await this.sessions.endOthers(current);
      return;
    }
    await this.sessions.endAll(current.subject);
    reply.header('set-cookie', deletedRefreshCookie());
  }

  private current(cookie: string | undefined): Promise<Session> {
    return this.sessions.find(required(refreshTokenIn(cookie)), GATEWAY);
  }
}

/** Says when to come again, if it is too often now. */
async function retryLater<Result>(reply: Reply, refresh: Promise<Result>): Promise<Result> {
  try {
    return await refresh;
  } catch (error) {
    if (error instanceof RefreshTooOften) reply.header('retry-after', String(error.retryAfterSeconds));
    throw error;
  }
}

function required(token: string | undefined): string {
  if (token !== undefined) return token;
  throw new ProblemException(401, 'refresh_token_missing', 'There is no refresh token: log in first.');
}

function listed(session: Session, current: boolean): ListedSession {
  const { id, clientId, createdAt, lastUsedAt, expiresAt, userAgent, address } = session;
  return {
    id,
    current,
    client_id: clientId,
    created_at: rfc3339(createdAt),
    last_used_at: rfc3339(lastUsedAt),
    expires_at: rfc3339(expiresAt),
    ...(userAgent !== undefined && { user_agent: userAgent }),
    ...(address !== undefined && { address }),
  };
}

function rfc3339(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}
