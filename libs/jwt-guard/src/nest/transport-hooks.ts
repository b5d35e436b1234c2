import { type HttpServer } from '@nestjs/common';
import { type HttpAdapterHost, type ModuleRef, type ModulesContainer } from '@nestjs/core';
import { type TokenVerifier } from '../core/token-verifier';
import { type CensusTaker } from './census/census-taker';
import { type GuardBindings } from './guard-bindings';
import { type JwtGuardOptions } from './jwt-guard.options';
import {
  type ExpressApp,
  type FastifyHooks,
  inOwnContext,
  openContextOnExpress,
  openContextOnFastify,
} from './open-context';
import { openContextOnRpc, type RpcServer } from './rpc-calls';
import { runHandlersInContext } from './rpc-handlers';
import { type WebSocketGuard } from './ws/websocket-guard';
import { type WsAdapter } from './ws/ws-adapter';

/** As much of Nest's `ApplicationConfig` as is needed here. */
interface AdapterConfig {
  getIoAdapter(): WsAdapter | undefined;
  setIoAdapter(adapter: WsAdapter): void;
}

/**
 * Where this library meets the transports of an app, each as soon as there is one: their calls get a context, their
 * handlers are counted, and none of them opens a port before they are.
 */
export class TransportHooks {
  readonly #hooked = new WeakSet<HttpServer>();

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly census: CensusTaker,
    private readonly webSockets: WebSocketGuard,
    private readonly bindings: GuardBindings,
    private readonly options: JwtGuardOptions,
  ) {}

  install(host: HttpAdapterHost, modules: ModulesContainer, moduleRef: ModuleRef): void {
    // A test module has its adapter later, and a microservice has none.
    host.init$.subscribe(() => this.onHttp(host.httpAdapter));
    modules.getRpcTargetRegistry<RpcServer>().subscribe((server) => this.#onRpc(server, Boolean(host.httpAdapter)));
    const { container } = moduleRef as unknown as { container: { applicationConfig: AdapterConfig } };
    this.#onWebSockets(container.applicationConfig);
  }

  onHttp(adapter: HttpServer | null | undefined): void {
    if (!adapter || this.#hooked.has(adapter)) return;
    this.#hooked.add(adapter);
    if (adapter.getType?.() === 'fastify') {
      const instance = adapter.getInstance() as FastifyHooks & OnReady;
      openContextOnFastify(instance, this.verifier, this.options);
      this.census.watchHttp(adapter, inOwnContext);
      // After its last plugin, and before it listens.
      instance.addHook('onReady', (done) => {
        try {
          this.census.conclude();
          done();
        } catch (error) {
          done(error as Error);
        }
      });
    } else if (adapter.getType?.() === 'express') {
      openContextOnExpress(adapter.getInstance() as ExpressApp, this.verifier, this.options);
      this.census.watchHttp(adapter, inOwnContext);
      const listen = adapter.listen.bind(adapter) as (...parameters: unknown[]) => unknown;
      adapter.listen = (...parameters: unknown[]) => {
        this.census.check();
        return listen(...parameters);
      };
    }
  }

  #onRpc(server: RpcServer, isHybrid: boolean): void {
    const { rpcMetadata: sources = [], rpcEnvelopes: envelopes = false } = this.options;
    openContextOnRpc(server, this.verifier, { sources, envelopes });
    runHandlersInContext(server, this.verifier, { sources, envelopes });
    this.census.watchRpc(server, isHybrid);
  }

  /** The adapter is known when the app says which, or when Nest needs one: in both cases before it is used. */
  #onWebSockets(config: AdapterConfig): void {
    const getIoAdapter = config.getIoAdapter.bind(config);
    const setIoAdapter = config.setIoAdapter.bind(config);
    config.setIoAdapter = (adapter) => {
      this.webSockets.install(adapter, () => this.census.check());
      setIoAdapter(adapter);
    };
    // Nest asks for it before it binds the handlers of the first gateway, and after each.
    let before: number | undefined;
    config.getIoAdapter = () => {
      if (before !== undefined) this.census.gatewayBound(this.bindings.count > before);
      before ??= this.bindings.count;
      return getIoAdapter();
    };
  }
}

interface OnReady {
  addHook(name: 'onReady', hook: (done: (error?: Error) => void) => void): void;
}
