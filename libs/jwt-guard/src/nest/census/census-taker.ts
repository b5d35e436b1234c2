import { type HttpServer, type INestApplicationContext, Logger } from '@nestjs/common';
import { type ModulesContainer } from '@nestjs/core';
import { type GuardBindings } from '../guard-bindings';
import { type RpcServer } from '../rpc-calls';
import { type Gateway, gatewaysOf } from '../ws/gateways';
import { gatewayRows } from './gateway-rows';
import { graphqlEndpointsOf } from './graphql-endpoint';
import { graphqlRows } from './graphql-rows';
import { type FoundHandler, handlersOf, madeResolversOf } from './handlers';
import { type HttpRoutes, type Route, watchRoutes } from './http-routes';
import { httpRows } from './http-rows';
import { type PolicyCensus, PolicyCensusError, printCensus } from './policy-census';
import { RowMaker, type RowRules } from './row-maker';
import { rpcRows } from './rpc-rows';
import { RpcProbe, type WatchedServer, watchRpcServer } from './rpc-servers';

const logger = new Logger('JwtGuard');

/** What the census has to know of an app. */
export interface CensusSubject {
  readonly modules: ModulesContainer;
  readonly bindings: GuardBindings;
  readonly rules: RowRules;
  readonly revocation: PolicyCensus['revocation'];
}

/**
 * Every handler of an app, on every transport, and who may call it: for a review, a test, a dashboard.
 *
 * @param app with JwtGuardModule; what is registered later is in later answers
 */
export function policyCensus(app: Pick<INestApplicationContext, 'get'>): PolicyCensus {
  return app.get(CensusTaker, { strict: false }).take();
}

/** Lists every handler of an app, and lets no port be opened while there is one that nobody guards. */
export class CensusTaker {
  readonly #handlers: readonly FoundHandler[];
  readonly #make: RowMaker;
  readonly #servers: WatchedServer[] = [];
  #routes: HttpRoutes | undefined;
  #gatewaysGuarded: boolean | undefined;
  readonly #printed = { log: '', warn: '' };

  constructor(private readonly subject: CensusSubject) {
    this.#handlers = handlersOf(subject.modules).filter(({ controller }) => controller !== RpcProbe);
    this.#make = new RowMaker(subject.rules);
  }

  /** @param wrap puts something around each route of Nest's */
  watchHttp(adapter: HttpServer, wrap: (route: Route) => Route): void {
    this.#routes = watchRoutes(adapter, wrap);
  }

  /** @param isHybrid whether it is a part of an app that has more than it */
  watchRpc(server: RpcServer, isHybrid: boolean): void {
    this.#servers.push(watchRpcServer(server, isHybrid, this.subject.bindings, () => this.check()));
  }

  /**
   * Nest has bound the messages of a gateway, perhaps of none: Nest 11 applies no global guard to them. One that was
   * guarded speaks for all; one that wasn't, only where it has messages at all.
   */
  gatewayBound(guarded: boolean): void {
    if (guarded) this.#gatewaysGuarded = true;
    else if (gatewaysOf(this.subject.modules).every((gateway) => this.#hasMessages(gateway))) this.allBound();
  }

  /** Whatever Nest binds, it has bound. */
  allBound(): void {
    this.#gatewaysGuarded ??= false;
  }

  take(): PolicyCensus {
    const { modules, revocation } = this.subject;
    const endpoints = graphqlEndpointsOf(modules);
    const binding = {
      guarded: this.#gatewaysGuarded !== false,
      boundAgain: this.#servers.some((server) => server.isDeferred),
    };
    const rows = [
      ...httpRows(this.#handlers, this.#routes, endpoints, this.#make),
      ...graphqlRows([...this.#handlers, ...madeResolversOf(modules)], endpoints, this.#make),
      ...rpcRows(this.#handlers, this.#servers, this.#make),
      ...gatewayRows(gatewaysOf(modules), this.#handlers, binding, this.#make),
    ];
    return Object.freeze({ revocation, handlers: Object.freeze(rows) });
  }

  /** @throws PolicyCensusError naming all handlers, on all transports, that have no policy */
  check(): void {
    const forgotten = this.take().handlers.filter(({ policy }) => policy === 'none');
    if (forgotten.length === 0) return;
    const error = new PolicyCensusError(forgotten);
    if (!this.subject.rules.options.warnOnly) throw error;
    this.#log('warn', error.message);
  }

  /**
   * All handlers are there: says who may call what.
   *
   * @throws PolicyCensusError
   */
  conclude(): void {
    this.check();
    this.#log('log', printCensus(this.take()));
  }

  /** Once, for as long as it stays the same. */
  #log(level: 'log' | 'warn', text: string): void {
    if (text !== this.#printed[level]) logger[level](text);
    this.#printed[level] = text;
  }

  #hasMessages({ controller, instance }: Gateway): boolean {
    return (
      instance !== undefined && this.#handlers.some((found) => found.kind === 'ws' && found.controller === controller)
    );
  }
}
