import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { LoginMetrics } from '@token-relay/service-kit';
import { type Observable, tap } from 'rxjs';
import { outcomeOf } from './outcome-of';

/** Counts logins by what becomes of them. */
@Injectable()
export class CountLogins implements NestInterceptor {
  constructor(@Inject(LoginMetrics) private readonly metrics: LoginMetrics) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap({
        next: () => this.metrics.count('succeeded'),
        error: (error: unknown) => this.metrics.count(outcomeOf(error)),
      }),
    );
  }
}
