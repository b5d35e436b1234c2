import {
  type CanActivate,
  Inject,
  Logger,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_GUARD, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { TokenVerifier } from '../core/token-verifier';
import { resolveCensusOptions, type ResolvedCensusOptions } from './census/census-options';
import { CensusTaker } from './census/census-taker';
import { RpcProbe } from './census/rpc-servers';
import { GuardBindings } from './guard-bindings';
import { HandlerPolicies } from './handler-policy';
import { checkGuardOptions, JWT_GUARD_OPTIONS, JwtGuardModuleBase, type JwtGuardOptions } from './jwt-guard.options';
import { JwtGuard } from './jwt.guard';
import { JwtStrategy } from './jwt.strategy';
import { checkLateHandlers } from './late-handlers';
import { logEvents } from './log-events';
import { onlyOnce } from './open-context';
import { StalenessWatch } from './staleness-watch';
import { StandingWatch } from './standing-watch';
import { TransportHooks } from './transport-hooks';
import { SocketSessions } from './ws/socket-sessions';
import { WebSocketGuard } from './ws/websocket-guard';

const logger = new Logger('JwtGuard');
const CENSUS_OPTIONS = Symbol('token-relay.census-options');

/**
 * Imported once, with all issuers, it closes an app: every handler of every controller, gateway and resolver requires a
 * token that `TokenVerifier` accepts, unless it is `@Public`. An app with a handler that Nest leaves without
 * the guard, or a route that Nest knows nothing of, does not start.
 */
@Module({
  controllers: [RpcProbe],
  providers: [
    {
      provide: TokenVerifier,
      inject: [JWT_GUARD_OPTIONS],
      useFactory: (options: JwtGuardOptions) => {
        checkGuardOptions(options);
        return TokenVerifier.create({ ...options, observer: logEvents(logger, options.observer) });
      },
    },
    {
      provide: CENSUS_OPTIONS,
      inject: [JWT_GUARD_OPTIONS],
      useFactory: ({ census = {} }: JwtGuardOptions) => resolveCensusOptions(census, JwtGuard),
    },
    {
      provide: HandlerPolicies,
      inject: [CENSUS_OPTIONS],
      useFactory: ({ controllers, acceptGuards }: ResolvedCensusOptions) =>
        new HandlerPolicies(controllers, acceptGuards),
    },
    GuardBindings,
    JwtStrategy,
    JwtGuard,
    {
      provide: APP_GUARD,
      inject: [JwtGuard, GuardBindings],
      // This one alone is watched: those that @UseGuards makes say nothing of the global one.
      useFactory: (guard: CanActivate, bindings: GuardBindings) => {
        bindings.watch(guard);
        return guard;
      },
    },
    {
      provide: CensusTaker,
      inject: [ModulesContainer, HandlerPolicies, GuardBindings, CENSUS_OPTIONS, JWT_GUARD_OPTIONS, JwtGuard],
      useFactory: (
        modules: ModulesContainer,
        policies: HandlerPolicies,
        bindings: GuardBindings,
        options: ResolvedCensusOptions,
        { revocation }: JwtGuardOptions,
        guard: unknown,
      ) =>
        new CensusTaker({
          modules,
          bindings,
          rules: {
            policies,
            options,
            guard: JwtGuard,
            guardIsOwn: guard instanceof JwtGuard,
            hasRevocation: revocation !== undefined,
          },
          revocation: revocation ? 'checked' : 'none',
        }),
    },
    {
      provide: StandingWatch,
      inject: [TokenVerifier, JWT_GUARD_OPTIONS],
      useFactory: (verifier: TokenVerifier, { now, revocation }: JwtGuardOptions) =>
        new StandingWatch(verifier, now, revocation),
    },
    {
      provide: SocketSessions,
      inject: [TokenVerifier, StandingWatch],
      useFactory: (verifier: TokenVerifier, standing: StandingWatch) => new SocketSessions(verifier, standing),
    },
    {
      provide: WebSocketGuard,
      inject: [TokenVerifier, HandlerPolicies, SocketSessions, ModulesContainer, JWT_GUARD_OPTIONS],
      useFactory: (
        verifier: TokenVerifier,
        policies: HandlerPolicies,
        sessions: SocketSessions,
        modules: ModulesContainer,
        { realm = 'api', contextHints = 'replace', webSockets = {} }: JwtGuardOptions,
      ) => {
        const { allowedOrigins, authenticateWithinSeconds = 5 } = webSockets;
        const origins = allowedOrigins && new Set(allowedOrigins);
        const sockets = { allowedOrigins: origins, authenticateWithinSeconds };
        return new WebSocketGuard({ verifier, policies, sessions, realm, contextHints, ...sockets }, modules);
      },
    },
    {
      provide: TransportHooks,
      inject: [TokenVerifier, CensusTaker, WebSocketGuard, GuardBindings, JWT_GUARD_OPTIONS],
      useFactory: (...parts: ConstructorParameters<typeof TransportHooks>) => new TransportHooks(...parts),
    },
  ],
  exports: [TokenVerifier, JwtGuard, HandlerPolicies, StandingWatch],
})
export class JwtGuardModule
  extends JwtGuardModuleBase
  implements NestModule, OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown
{
  readonly #staleness: StalenessWatch;

  constructor(
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    @Inject(JWT_GUARD_OPTIONS) private readonly options: JwtGuardOptions,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(CensusTaker) private readonly census: CensusTaker,
    @Inject(StandingWatch) private readonly standing: StandingWatch,
    @Inject(TransportHooks) private readonly hooks: TransportHooks,
    @Inject(ModuleRef) moduleRef: ModuleRef,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {
    super();
    this.#staleness = new StalenessWatch(verifier, logger);
    // Here, and no later: Nest opens ports – of microservices, of gateways – before any of its hooks is called.
    hooks.install(host, modules, moduleRef);
  }

  configure(): void {
    // A test module's, which may have come unannounced.
    this.hooks.onHttp(this.host.httpAdapter);
  }

  async onModuleInit(): Promise<void> {
    onlyOnce(this.modules, this);
    if (this.options.revocation) this.#staleness.start();
    else logger.warn('There is no revocation source: a token that is withdrawn counts until it expires');
    // Not awaited: an issuer that isn't there yet must not stop this service from starting; it isn't `ready`.
    void this.verifier.load();
    try {
      await checkLateHandlers(this.census.take().handlers, this.verifier, logger);
    } catch (error) {
      // Nothing of an app that doesn't start may keep its process running.
      this.onApplicationShutdown();
      throw error;
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    this.census.allBound();
    const adapter = this.host.httpAdapter;
    if (adapter?.getType() === 'fastify') await this.bootstrapOnFastify(adapter.getInstance());
    else this.census.conclude();
  }

  /** Fastify has plugins whose routes come later still; the census is concluded when it is ready. */
  private async bootstrapOnFastify(instance: { ready(): PromiseLike<unknown> }): Promise<void> {
    try {
      this.census.check();
    } catch (error) {
      // The start is over. What Fastify would have loaded is loaded for the sake of naming all that is missing.
      await instance.ready().then(undefined, () => undefined);
      this.census.check();
      throw error;
    }
  }

  onApplicationShutdown(): void {
    this.#staleness.close();
    this.standing.close();
    this.verifier.close();
  }
}
