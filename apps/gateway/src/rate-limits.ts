import { Inject, Injectable } from '@nestjs/common';
import { type Principal } from '@token-relay/jwt-guard';
import { ProblemException } from '@token-relay/service-kit';
import { type FastifyReply } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { type Route } from './routes/route';
import { ROUTE_TABLE, type RouteTable } from './routes/route-table';

/** How often each caller may ask by each route. Counted in this process: another replica counts for itself. */
@Injectable()
export class RateLimits {
  readonly #limiters: ReadonlyMap<Route, RateLimiterMemory>;

  constructor(@Inject(ROUTE_TABLE) { routes }: Pick<RouteTable, 'routes'>) {
    this.#limiters = new Map(
      routes.flatMap((route) => {
        if (!route.rateLimit) return [];
        const { requests: points, perSeconds: duration } = route.rateLimit;
        return [[route, new RateLimiterMemory({ points, duration })] as const];
      }),
    );
  }

  /**
   * Counts a request of somebody whose token is good: whoever has none can't use up what is another's.
   *
   * @throws ProblemException `rate_limited`
   */
  async count(route: Route, principal: Principal | undefined, reply: FastifyReply): Promise<void> {
    const limiter = this.#limiters.get(route);
    if (limiter && principal) await countRequest(limiter, principal, reply);
  }
}

/** @throws ProblemException `rate_limited` */
export async function countRequest(
  limiter: RateLimiterMemory,
  { id }: Pick<Principal, 'id'>,
  reply: FastifyReply,
): Promise<void> {
  try {
    await limiter.consume(id);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    reply.header('retry-after', String(Math.max(1, Math.ceil(error.msBeforeNext / 1000))));
    throw new ProblemException(429, 'rate_limited', 'That was asked for too often. Ask again later.');
  }
}
