import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process to which connections are led. */
export interface Backend {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Asked for its readiness. */
  readonly probe: string;
}

export interface BalancerOptions {
  /** How long after a backend was seen not to be ready new connections are still led to it, in milliseconds. */
  readonly removalDelayMs: number;
  /** Leads to a backend from the moment that it is added until it is removed, whatever it says. Default: false. */
  readonly ignoresReadiness?: boolean;
}

const PROBE_PAUSE_MS = 100;

/**
 * What a Kubernetes Service is with kube-proxy: new connections are led to the backends that are ready, one after the
 * other; one that isn't ready any more is heard of late; and a connection stays where it is, whatever becomes of the
 * backend.
 */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #backends = new Set<Backend>();
  readonly #led = new Set<Backend>();
  #next = 0;

  private constructor(options: BalancerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#lead(client));
  }

  static async start(options: BalancerOptions): Promise<Balancer> {
    const balancer = new Balancer(options);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  /** `127.0.0.1:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Leads to it as soon as it is ready. */
  add(backend: Backend): void {
    this.#backends.add(backend);
    if (this.#options.ignoresReadiness) this.#led.add(backend);
    else void this.#watch(backend);
  }

  /** As when its pod is gone: after the same delay as one that isn't ready. */
  async remove(backend: Backend): Promise<void> {
    await sleep(this.#options.removalDelayMs);
    this.#backends.delete(backend);
    this.#led.delete(backend);
  }

  /** Whether new connections are led to it. */
  leadsTo(backend: Backend): boolean {
    return this.#led.has(backend);
  }

  async stop(): Promise<void> {
    this.#backends.clear();
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #watch(backend: Backend): Promise<void> {
    while (this.#backends.has(backend)) {
      const isReady = await answers(backend.probe);
      if (isReady) this.#led.add(backend);
      else if (this.#led.has(backend)) {
        await sleep(this.#options.removalDelayMs);
        this.#led.delete(backend);
      }
      await sleep(PROBE_PAUSE_MS);
    }
  }

  #lead(client: Socket): void {
    const backends = [...this.#led];
    const backend = backends[this.#next++ % backends.length];
    if (!backend) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: backend.port, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.resetAndDestroy());
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroySoon();
      });
    }
  }
}

/** Whether a probe is answered with 200, on a connection of its own. */
async function answers(url: string): Promise<boolean> {
  const asked = request(url, { agent: false, timeout: 2_000 });
  asked.once('timeout', () => asked.destroy(new Error('no answer')));
  asked.end();
  try {
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}
