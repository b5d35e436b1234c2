import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { GrantMetrics } from '@token-relay/service-kit';
import { type Observable, tap } from 'rxjs';
import { outcomeOf } from './outcome-of';

/** Counts requests to the token endpoint by what becomes of them. */
@Injectable()
export class CountGrants implements NestInterceptor {
  constructor(@Inject(GrantMetrics) private readonly metrics: GrantMetrics) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { body } = context.switchToHttp().getRequest<{ readonly body: unknown }>();
    const grant = body instanceof URLSearchParams ? body.get('grant_type') : undefined;
    const begun = performance.now();
    const count = (outcome: string): void => this.metrics.count(grant, outcome, (performance.now() - begun) / 1000);
    return next
      .handle()
      .pipe(tap({ next: () => count('granted'), error: (error: unknown) => count(outcomeOf(error)) }));
  }
}
