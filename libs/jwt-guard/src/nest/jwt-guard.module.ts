import {
  Inject,
  Logger,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_GUARD, HttpAdapterHost } from '@nestjs/core';
import { TokenVerifier } from '../core/token-verifier';
import { checkGuardOptions, JWT_GUARD_OPTIONS, JwtGuardModuleBase, type JwtGuardOptions } from './jwt-guard.options';
import { JwtGuard } from './jwt.guard';
import { JwtStrategy } from './jwt.strategy';
import { logEvents } from './log-events';
import { openContextOnExpress, openContextOnFastify, type FastifyHooks } from './open-context';

const logger = new Logger('JwtGuard');

/**
 * Imported once, with all issuers, it closes an app: every handler of every controller requires a token that
 * `TokenVerifier` accepts, unless it is `@Public`. A hybrid app needs
 * `connectMicroservice(…, { inheritAppConfig: true })`, or Nest leaves its RPC half without the guard.
 */
@Module({
  providers: [
    {
      provide: TokenVerifier,
      inject: [JWT_GUARD_OPTIONS],
      useFactory: (options: JwtGuardOptions) => {
        checkGuardOptions(options);
        return TokenVerifier.create({ ...options, observer: logEvents(logger, options.observer) });
      },
    },
    JwtStrategy,
    JwtGuard,
    { provide: APP_GUARD, useExisting: JwtGuard },
  ],
  exports: [TokenVerifier, JwtGuard],
})
export class JwtGuardModule extends JwtGuardModuleBase implements NestModule, OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    @Inject(JWT_GUARD_OPTIONS) private readonly options: JwtGuardOptions,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    super();
  }

  configure(consumer: MiddlewareConsumer): void {
    const adapter = this.host.httpAdapter;
    if (adapter?.getType() === 'fastify') {
      openContextOnFastify(adapter.getInstance<FastifyHooks>(), this.verifier, this.options);
    } else if (adapter?.getType() === 'express') {
      const app = adapter.getInstance<object>();
      consumer.apply(openContextOnExpress(app, this.verifier, this.options)).forRoutes('{*path}');
    }
  }

  onModuleInit(): void {
    if (!this.options.revocation) {
      logger.warn('There is no revocation source: a token that is withdrawn counts until it expires');
    }
    // Not awaited: an issuer that isn't there yet must not stop this service from starting; it isn't `ready`.
    void this.verifier.load();
  }

  onApplicationShutdown(): void {
    this.verifier.close();
  }
}
