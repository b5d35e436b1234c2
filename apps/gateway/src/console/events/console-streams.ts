import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import {
  currentRelayContext,
  type Principal,
  type Refusal,
  StandingWatch,
  TokenVerifier,
  toRpcRefusal,
} from '@token-relay/jwt-guard';
import { Drain, ProblemException } from '@token-relay/service-kit';
import { type FastifyReply } from 'fastify';
import { type Socket } from 'node:net';
import { gone } from '../../gone';
import { ConsoleEvents } from './console-events';
import { EventBatches } from './event-batches';
import { EventClient } from './event-client';

const EVENT_STREAM = 'text/event-stream';
const MOST_CLIENTS = 20;
const RETRY_SECONDS = 5;

/** The event streams of those who look on: 20 at most, each for no longer than its token counts. */
@Injectable()
export class ConsoleStreams implements OnModuleDestroy {
  readonly #clients = new Set<EventClient>();
  /** Over which streams come: one over each, or a single client could take all there are by asking ahead. */
  readonly #connections = new Set<Socket>();
  readonly #batches = new EventBatches((text, events) => {
    for (const client of this.#clients) client.write(text, events);
  });
  #unlisten: (() => void) | undefined;
  #isEnding = false;

  constructor(
    @Inject(ConsoleEvents) private readonly events: ConsoleEvents,
    @Inject(StandingWatch) private readonly watch: StandingWatch,
    @Inject(Drain) private readonly drain: Drain,
    @Inject(TokenVerifier) verifier: TokenVerifier,
  ) {
    events.verifier = verifier;
  }

  /** How many there are. */
  get opened(): number {
    return this.#clients.size;
  }

  /**
   * @param principal with whose token it was asked for; in the demo nobody's
   * @throws ProblemException 503 `console_busy`
   */
  open(reply: FastifyReply, principal?: Principal): void {
    const isTaken = this.#connections.has(reply.request.raw.socket);
    if (this.#isEnding || isTaken || this.#clients.size >= MOST_CLIENTS) {
      reply.header('retry-after', String(RETRY_SECONDS));
      throw new ProblemException(503, 'console_busy', 'As many follow the events as may.');
    }
    if (reply.request.method === 'HEAD') return void reply.header('content-type', EVENT_STREAM).send();
    // What is written past the reply is known by its type, as other streams are.
    reply.header('content-type', EVENT_STREAM).hijack();
    // Whoever has gone by now would never close what is opened for it.
    if (gone(reply).aborted) return;
    const { raw } = reply;
    raw.writeHead(200, {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Else a page elsewhere could have streams held open that it may not read: by fetch, and in frames.
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      // When it ends its client wants another server.
      connection: 'close',
      // For proxies that would collect what is written.
      'x-accel-buffering': 'no',
    });
    this.#begin(new EventClient(raw), reply, principal);
  }

  /** Before the app waits for its open connections: these would never end. */
  onModuleDestroy(): void {
    this.#isEnding = true;
    for (const client of this.#clients) client.end();
  }

  #begin(client: EventClient, reply: FastifyReply, principal: Principal | undefined): void {
    const transactionId = currentRelayContext()?.transactionId;
    const end = (refusal?: Refusal): void => {
      // The same as other streams are told before they are ended.
      if (refusal) client.send('exception', toRpcRefusal(refusal, transactionId));
      client.end();
    };
    const { socket } = reply.request.raw;
    const unwatch = principal && this.watch.watch(principal, end);
    const undrain = this.drain.lasting(() => client.end());
    this.#clients.add(client);
    this.#connections.add(socket);
    this.#unlisten ??= this.events.listen((event) => this.#batches.add(event));
    onceOver(reply, () => {
      client.over();
      unwatch?.();
      undrain();
      this.#clients.delete(client);
      this.#connections.delete(socket);
      if (this.#clients.size === 0) this.#rest();
    });
    client.send('keys', this.events.keys);
  }

  /** Nobody looks on: nothing is made of what goes on. */
  #rest(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.#batches.clear();
  }
}

/** Of an answer that waits behind another on its connection the connection alone tells that nobody waits any more. */
function onceOver(reply: FastifyReply, run: () => void): void {
  const connection = gone(reply);
  const over = (): void => {
    connection.removeEventListener('abort', over);
    reply.raw.off('close', over);
    run();
  };
  connection.addEventListener('abort', over);
  reply.raw.once('close', over);
}
