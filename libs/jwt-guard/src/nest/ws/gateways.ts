import { type Type } from '@nestjs/common';
import { type ModulesContainer } from '@nestjs/core';

/** Nest's own keys for what `@WebSocketGateway` was given. */
const IS_GATEWAY = 'websockets:is_gateway';
const OPTIONS = 'websockets:gateway_options';
const PORT = 'port';

/** A gateway, and where its sockets come in. */
export interface Gateway {
  readonly controller: Type;
  /** One for all sockets; `undefined` for a gateway that Nest makes anew for each. */
  readonly instance: ConnectionHandlers | undefined;
  /** 0 for the port of the app itself. */
  readonly port: number;
  readonly path: string | undefined;
  readonly namespace: string | undefined;
}

/** What a gateway may have for sockets as such (`OnGatewayConnection`, `OnGatewayDisconnect`). */
export interface ConnectionHandlers {
  handleConnection?(client: object, ...more: unknown[]): unknown;
  handleDisconnect?(client: object, ...more: unknown[]): unknown;
}

export interface GatewayOptions {
  readonly path?: string;
  readonly namespace?: unknown;
}

export function gatewaysOf(modules: ModulesContainer): Gateway[] {
  const providers = [...modules.values()].flatMap((module) => [...module.providers.values()]);
  const gateways = new Map<unknown, Gateway>();
  for (const wrapper of providers) {
    const controller = wrapper.metatype as Type | null;
    if (wrapper.isNotMetatype || !controller || !Reflect.hasMetadata(IS_GATEWAY, controller)) continue;
    const { path, namespace } = (Reflect.getMetadata(OPTIONS, controller) ?? {}) as GatewayOptions;
    gateways.set(wrapper, {
      controller,
      instance: wrapper.isDependencyTreeStatic() ? (wrapper.instance as ConnectionHandlers) : undefined,
      port: Number(Reflect.getMetadata(PORT, controller) ?? 0),
      path,
      namespace: namespaceOf(namespace),
    });
  }
  return [...gateways.values()];
}

/** Namespaces are texts with a slash before, or patterns. */
export function namespaceOf(namespace: unknown): string | undefined {
  if (namespace instanceof RegExp) return namespace.source;
  return typeof namespace === 'string' ? namespace.replace(/^\/?/, '/') : undefined;
}
