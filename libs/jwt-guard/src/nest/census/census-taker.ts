import { type HttpServer, type INestApplicationContext, Logger, type Type } from '@nestjs/common';
import { type ModulesContainer } from '@nestjs/core';
import { type GuardBindings } from '../guard-bindings';
import { type HandlerPolicies, type HandlerPolicy, hasGuard } from '../handler-policy';
import { type JwtGuard } from '../jwt.guard';
import { type RpcServer } from '../rpc-calls';
import { type Gateway, gatewaysOf } from '../ws/gateways';
import { AUTHENTICATE_EVENT } from '../ws/websocket-guard';
import { type PublicEntry, type ResolvedCensusOptions } from './census-options';
import { type GraphqlEndpoint, graphqlEndpointOf } from './graphql-endpoint';
import { type FoundHandler, handlersOf } from './handlers';
import { type HttpRoutes, type RawRoute, watchRoutes } from './http-routes';
import { type CensusRow, type PolicyCensus, PolicyCensusError, printCensus } from './policy-census';
import { RpcProbe, transportName, type WatchedServer, watchRpcServer } from './rpc-servers';

const logger = new Logger('JwtGuard');

/** What the census has to know of an app. */
export interface CensusSubject {
  readonly modules: ModulesContainer;
  readonly policies: HandlerPolicies;
  readonly bindings: GuardBindings;
  readonly options: ResolvedCensusOptions;
  readonly revocation: PolicyCensus['revocation'];
  readonly guard: Type<JwtGuard>;
  /** False where somebody – a test – has put something else in the guard's place. */
  readonly guardIsOwn: boolean;
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
  readonly #servers: WatchedServer[] = [];
  #routes: HttpRoutes | undefined;
  #gatewaysGuarded: boolean | undefined;
  #printed = '';

  constructor(private readonly subject: CensusSubject) {
    this.#handlers = handlersOf(subject.modules).filter(({ controller }) => controller !== RpcProbe);
  }

  watchHttp(adapter: HttpServer): void {
    this.#routes = watchRoutes(adapter);
  }

  watchRpc(server: RpcServer): void {
    this.#servers.push(watchRpcServer(server, this.subject.bindings, () => this.check()));
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
    const handlers = [...this.#http(), ...this.#graphql(), ...this.#rpc(), ...this.#ws(), ...this.#raw()];
    return Object.freeze({ revocation: this.subject.revocation, handlers: Object.freeze(handlers) });
  }

  /** @throws PolicyCensusError naming all handlers, on all transports, that have no policy */
  check(): void {
    const forgotten = this.take().handlers.filter(({ policy }) => policy === 'none');
    if (forgotten.length === 0) return;
    const error = new PolicyCensusError(forgotten);
    if (!this.subject.options.warnOnly) throw error;
    this.#log('warn', error.message);
  }

  print(): void {
    this.#log('log', printCensus(this.take()));
  }

  /** Once, for as long as it stays the same. */
  #log(level: 'log' | 'warn', text: string): void {
    if (text !== this.#printed) logger[level](text);
    this.#printed = text;
  }

  #http(): CensusRow[] {
    return this.#handlers.flatMap((found) => {
      if (found.kind !== 'http') return [];
      // As Nest has registered it, with every prefix and version; as it is written until then.
      const registered = this.#routes?.ofNest.filter(
        ({ original, name }) =>
          original === found.handler && (!this.#isShared(found) || name.startsWith(`${found.controller.name}.`)),
      );
      const entries = registered?.length
        ? registered.map(({ verb, url }) => `${verb} ${url}`)
        : found.paths.map((path) => `${found.verb} ${path}`);
      return entries.map((entry) => this.#row('http', entry, found, true, ''));
    });
  }

  /** Whether another controller has inherited the same method. */
  #isShared({ handler, controller }: FoundHandler): boolean {
    return this.#handlers.some((other) => other.handler === handler && other.controller !== controller);
  }

  #graphql(): CensusRow[] {
    const endpoint = graphqlEndpointOf(this.subject.modules);
    return this.#handlers.flatMap((found) => {
      if (found.kind !== 'graphql') return [];
      const guarded = found.isRoot || endpoint?.guardsFields === true;
      const policy = this.subject.policies.of(found.controller, found.handler);
      // A field is reached through a query that is guarded; unless it is asked for by reference, or asks for more.
      const isPlainField = !found.isRoot && found.type !== 'Reference' && !(policy.kind === 'token' && policy.explicit);
      if (isPlainField) return [];
      const remedy = "Nest guards no fields and references: fieldResolverEnhancers: ['guards']";
      return [this.#row('graphql', `${found.type} ${found.name}`, found, guarded, remedy)];
    });
  }

  #rpc(): CensusRow[] {
    const remedy = 'its server is without the global guards: connectMicroservice(…, { inheritAppConfig: true })';
    return this.#handlers.flatMap((found) => {
      if (found.kind !== 'rpc') return [];
      const servers = this.#servers.filter((server) => isFor(found, server));
      const at = servers.length > 0 ? servers : [undefined];
      return at.flatMap((server) =>
        found.patterns.map((pattern) =>
          this.#row(
            transportName(server ? server.transportId : found.transportId),
            messageEntry(found.isEvent ? 'event' : 'message', pattern),
            found,
            server?.guarded !== false,
            remedy,
          ),
        ),
      );
    });
  }

  #ws(): CensusRow[] {
    const gateways = gatewaysOf(this.subject.modules);
    return gateways.flatMap((gateway) => {
      const { controller, instance, port, path = '/', namespace } = gateway;
      const at = `${port === 0 ? '' : `:${port}`}${path}${namespace === undefined ? '' : ` ${namespace}`}`;
      const methods = controller.prototype as { handleConnection?: unknown };
      const connecting = methods.handleConnection === undefined ? '' : '.handleConnection';
      const connection = this.#describe(
        'ws',
        `connect ${at}`,
        `${controller.name}${connecting}`,
        this.subject.policies.ofClass(controller),
        connecting === '' || instance !== undefined,
        'a gateway that is made anew for each socket can not be held back until the token has come',
      );
      const messages = this.#handlers.flatMap((found) => {
        if (found.kind !== 'ws' || found.controller !== controller) return [];
        const entry = `message ${String(found.message)} ${at}`;
        const row = this.#row(
          'ws',
          entry,
          found,
          this.#gatewaysGuarded !== false,
          'Nest has applied no global guard to gateways: @UseGuards(JwtGuard)',
        );
        if (found.message !== AUTHENTICATE_EVENT) return [row];
        return [none(row, `${AUTHENTICATE_EVENT} is the message that brings the token`)];
      });
      return [connection, ...messages];
    });
  }

  /** What was registered past Nest, where no guard of Nest's runs. */
  #raw(): CensusRow[] {
    const endpoint = graphqlEndpointOf(this.subject.modules);
    const routes = this.#routes?.raw().map((route) => this.#rawRoute(route, endpoint)) ?? [];
    const patterns = this.#servers.flatMap((server) =>
      [...server.patterns].flatMap(([pattern, count]) => {
        const ofNest = this.#handlers.filter(
          (found) =>
            found.kind === 'rpc' &&
            isFor(found, server) &&
            found.patterns.some((known) => JSON.stringify(known) === pattern),
        );
        if (count <= ofNest.length) return [];
        return [this.#rawRow(transportName(server.transportId), messageEntry('message', patternOf(pattern)))];
      }),
    );
    return [...routes, ...patterns];
  }

  #rawRoute({ verb, url, token }: RawRoute, endpoint: GraphqlEndpoint | undefined): CensusRow {
    const entry = `${verb} ${url}`;
    if (token) return { transport: 'http', entry, policy: 'token', ...token };
    const isEndpoint = endpoint !== undefined && url.endsWith(endpoint.path);
    return isEndpoint ? { transport: 'http', entry, policy: 'resolvers' } : this.#rawRow('http', entry);
  }

  #rawRow(transport: string, entry: string): CensusRow {
    const opening = this.subject.options.entries.find((candidate) => covers(candidate, entry));
    if (opening) return { transport, entry, policy: 'public', reason: opening.reason };
    return none({ transport, entry }, 'it is registered past Nest: requireToken(), or an entry of census.public');
  }

  #hasMessages({ controller, instance }: Gateway): boolean {
    return (
      instance !== undefined && this.#handlers.some((found) => found.kind === 'ws' && found.controller === controller)
    );
  }

  #row(transport: string, entry: string, found: FoundHandler, guarded: boolean, remedy: string): CensusRow {
    const { controller, method, handler } = found;
    const policy = this.subject.policies.of(controller, handler);
    const row = this.#describe(
      transport,
      entry,
      `${controller.name}.${method}`,
      policy,
      guarded || hasGuard(controller, handler, this.subject.guard),
      remedy,
    );
    const isUnsaid = policy.kind === 'token' && !policy.explicit && this.subject.options.undecorated === 'refuse';
    return isUnsaid && row.policy === 'token' ? none(row, 'nobody has said who may call it: @RequireToken(), …') : row;
  }

  #describe(
    transport: string,
    entry: string,
    handler: string,
    policy: HandlerPolicy,
    guarded: boolean,
    remedy: string,
  ): CensusRow {
    const row = { transport, entry, handler };
    switch (policy.kind) {
      case 'public':
        return { ...row, policy: 'public', reason: policy.reason };
      case 'guard':
        return { ...row, policy: 'guard', guards: policy.guards };
      case 'token':
        if (!guarded && this.subject.guardIsOwn) return none(row, remedy);
        return { ...row, policy: 'token', scopes: policy.scopes, actors: policy.actors };
    }
  }
}

function none({ transport, entry, handler }: Omit<CensusRow, 'policy'>, problem: string): CensusRow {
  return { transport, entry, ...(handler === undefined ? {} : { handler }), policy: 'none', problem };
}

function isFor(found: FoundHandler & { kind: 'rpc' }, { transportId }: WatchedServer): boolean {
  return found.transportId === undefined || transportId === undefined || found.transportId === transportId;
}

function messageEntry(kind: 'message' | 'event', pattern: unknown): string {
  return `${kind} ${typeof pattern === 'string' ? pattern : JSON.stringify(pattern)}`;
}

/** A pattern as the servers keep it. */
function patternOf(key: string): unknown {
  try {
    return JSON.parse(key);
  } catch {
    return key;
  }
}

function covers({ entry: opening }: PublicEntry, entry: string): boolean {
  return opening.endsWith('*') ? entry.startsWith(opening.slice(0, -1)) : opening === entry;
}
