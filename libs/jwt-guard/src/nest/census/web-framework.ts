import { type HttpServer } from '@nestjs/common';
import { type RouteToken } from '../require-token';

/** A route that Nest knows nothing of. */
export interface RawRoute {
  readonly verb: string;
  readonly url: string;
  /** What `requireToken` asks for there; `undefined` where it doesn't stand before the route. */
  readonly token: RouteToken | undefined;
}

export type Adapter = HttpServer & Record<string, unknown>;

/** A web framework, and what is registered there. */
export interface Framework {
  /** Runs what registers something for Nest. */
  byNest<Result>(register: () => Result): Result;
  raw(): readonly RawRoute[];
}

/** Puts something around a method of this adapter, and of no other. */
export function around(
  adapter: Adapter,
  name: string,
  replacement: (call: (...others: unknown[]) => unknown, parameters: readonly unknown[]) => unknown,
): void {
  const method = adapter[name];
  if (typeof method !== 'function') return;
  adapter[name] = (...parameters: unknown[]) =>
    replacement((...others) => method.apply(adapter, others.length > 0 ? others : parameters) as unknown, parameters);
}

/** As they are registered: one path, or several. */
export function pathsOf(path: unknown): string[] {
  return [path].flat(Infinity).map(String);
}
