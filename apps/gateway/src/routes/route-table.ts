import { type DestinationContract, type RelayModeName } from '@token-relay/jwt-guard';
import { MAX_BODY_BYTES } from '@token-relay/service-kit';
import { foldedPath, isBelow } from './folded-path';
import { type Inside } from './public-location';
import { type Destination, type InnerPrefix, type Method, type Route } from './route';
import { type TableRules } from './route-faults';
import { type RouteEntry, type RoutesFile } from './routes-file';

export const ROUTE_TABLE = Symbol('route-table');

export interface TableDefaults extends TableRules {
  readonly timeoutMs: number;
}

/** Which paths lead where, and by which contracts. */
export class RouteTable {
  readonly routes: readonly Route[];
  /** By the names that routes have for them. */
  readonly contracts: Readonly<Record<string, DestinationContract>>;
  readonly #destinations: ReadonlyMap<string, Destination>;
  readonly #insides: ReadonlyMap<string, Inside>;

  /** @param file in which nothing is wrong */
  constructor(file: RoutesFile, defaults: TableDefaults) {
    this.#destinations = new Map(
      Object.entries(file.destinations).map(([name, { url, ...rest }]) => [
        name,
        Object.freeze({ ...rest, url: url ?? defaults.urlOf(name) ?? '' }),
      ]),
    );
    this.routes = Object.freeze(file.routes.map((entry) => routeOf(entry, file.routes, defaults)));
    this.#insides = new Map(
      [...this.#destinations].map(([name, { url: origin }]) => [
        name,
        { origin, routes: this.routes.filter(({ destination }) => destination === name) },
      ]),
    );
    const called = this.hasDestination(defaults.called) ? [{ destination: defaults.called, mode: defaults.mode }] : [];
    this.contracts = Object.freeze(
      Object.fromEntries(
        [...called, ...this.routes].map(({ destination, mode }) => [
          contractName(destination, mode, defaults),
          this.#contract(destination, mode, defaults),
        ]),
      ),
    );
  }

  hasDestination(name: string): boolean {
    return this.#destinations.has(name);
  }

  originOf(destination: string): string | undefined {
    return this.#destinations.get(destination)?.url;
  }

  /** Where a destination is, and by which routes it can be reached; `undefined` for one of another table. */
  insideOf(destination: string): Inside | undefined {
    return this.#insides.get(destination);
  }

  #contract(name: string, mode: RelayModeName, { mayForward }: TableDefaults): DestinationContract {
    const { url, audience, scopes, dangerouslyForward } = this.#destinations.get(name) as Destination;
    const mayBe = mayForward || dangerouslyForward;
    return { baseUrl: url, audience, scopes, mode, ...(mode === 'forward' && { dangerouslyForward: mayBe }) };
  }
}

/** A destination has a contract for each mode that it is called in: the usual one by its own name. */
function contractName(destination: string, mode: RelayModeName, { mode: usual }: TableRules): string {
  return mode === usual ? destination : `${destination}:${mode}`;
}

function routeOf(entry: RouteEntry, all: readonly RouteEntry[], defaults: TableDefaults): Route {
  const { prefix, destination, mode = defaults.mode } = entry;
  return Object.freeze({
    prefix,
    folded: foldedPath(prefix),
    methods: withHead(entry.methods),
    rewrite: entry.rewrite === undefined ? prefix : entry.rewrite === '/' ? '' : entry.rewrite,
    destination,
    contract: contractName(destination, mode, defaults),
    mode,
    scopes: Object.freeze([...entry.scopes]),
    timeoutMs: entry.timeoutMs ?? defaults.timeoutMs,
    maxBodyBytes: entry.maxBodyBytes ?? MAX_BODY_BYTES,
    rateLimit: entry.rateLimit && Object.freeze({ ...entry.rateLimit }),
    webSocket: entry.webSocket,
    inner: innerPrefixes(prefix, all),
  });
}

function innerPrefixes(prefix: string, all: readonly RouteEntry[]): readonly InnerPrefix[] {
  const below = [...new Set(all.map((other) => other.prefix))].filter(
    (other) => other !== prefix && isBelow(foldedPath(other), foldedPath(prefix)),
  );
  // The longest first: it is the one whose methods count.
  below.sort((a, b) => b.length - a.length);
  return Object.freeze(
    below.map((other) => {
      const methods = all.filter((route) => route.prefix === other).flatMap((route) => route.methods);
      return Object.freeze({ prefix: other, folded: foldedPath(other), methods: withHead(methods) });
    }),
  );
}

function withHead(methods: readonly Method[]): readonly Method[] {
  const all = new Set(methods);
  if (all.has('GET')) all.add('HEAD');
  return Object.freeze([...all]);
}
