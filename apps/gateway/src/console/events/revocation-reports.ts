import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { RelayHttpClient, TokenRelay } from '@token-relay/jwt-guard';
import { RevocationWatch, type WatchedRevocation } from '@token-relay/service-kit';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../gateway.config';
import { textOf } from '../../text-of';
import { ConsoleEvents } from './console-events';
import { HEARD_CONTRACT } from './heard-contract';

/** After how long the others are asked, and asked again, until each has heard. */
const WAITS_MS = [30, 100, 300, 1_000, 2_000];
/** Whoever hasn't said by then that it has heard isn't asked any more. */
const ASKED_MS = 10_000;
const TIMEOUT_MS = 2_000;
const MAX_ANSWER_BYTES = 64 * 1024;
/** Of a thousand revocations at once nobody follows each: the latest are. */
const MOST_FOLLOWED = 32;

const list = z.array(z.object({ mark: z.string(), agoMs: z.number() }));
const answer = z.object({ resource: list, audit: list.optional() });

interface Report extends Pick<WatchedRevocation, 'kind' | 'id'> {
  /** When each service has heard, by this process's `performance.now()`, as well as that can be told from here. */
  readonly heardAt: Map<string, number>;
  /** Until when others are asked, by the same clock. */
  readonly until: number;
}

/**
 * Tells whoever looks on what was revoked, and when each service has heard: at once that this one has, and of the others
 * as they say so. They are asked by this service for itself, and not at all while nobody looks on.
 */
@Injectable()
export class RevocationReports implements OnModuleInit, OnModuleDestroy {
  /** Those of which not everybody has heard yet, by their marks. */
  readonly #open = new Map<string, Report>();
  readonly #closing = new AbortController();
  #tries = 0;
  #isFollowing = false;
  #unsubscribe: (() => void) | undefined;

  constructor(
    @Inject(ConsoleEvents) private readonly events: ConsoleEvents,
    @Inject(RevocationWatch) private readonly watch: RevocationWatch,
    @Inject(TokenRelay) private readonly relay: Pick<TokenRelay, 'runAsService'>,
    @Inject(RelayHttpClient) private readonly client: Pick<RelayHttpClient, 'request'>,
    @Inject(GATEWAY_CONFIG) private readonly config: Pick<GatewayConfig, 'RESOURCE_URL'>,
  ) {}

  onModuleInit(): void {
    this.#unsubscribe = this.watch.subscribe((heard) => this.#heard(heard));
  }

  onModuleDestroy(): void {
    this.#unsubscribe?.();
    this.#closing.abort();
  }

  #heard(heard: readonly WatchedRevocation[]): void {
    if (this.events.listeners === 0) return;
    for (const { kind, id, mark, at } of heard) {
      const report: Report = { kind, id, heardAt: new Map([['gateway', at]]), until: performance.now() + ASKED_MS };
      this.#tell(report);
      this.#open.set(mark, report);
    }
    for (const mark of this.#open.keys()) if (this.#open.size > MOST_FOLLOWED) this.#open.delete(mark);
    this.#tries = 0;
    if (!this.#isFollowing && this.config.RESOURCE_URL !== undefined) void this.#follow();
  }

  /** Never rejects: what can't be asked hasn't said that it has heard. */
  async #follow(): Promise<void> {
    this.#isFollowing = true;
    try {
      while (this.#open.size > 0) {
        await sleep(WAITS_MS[this.#tries++] ?? WAITS_MS.at(-1), undefined, {
          ref: false,
          signal: this.#closing.signal,
        });
        if (this.events.listeners === 0) return;
        await this.#ask().catch(() => undefined);
        this.#giveUp();
      }
    } catch {
      // It is being closed.
    } finally {
      this.#open.clear();
      this.#isFollowing = false;
    }
  }

  #giveUp(): void {
    const now = performance.now();
    for (const [mark, { until }] of this.#open) if (until <= now) this.#open.delete(mark);
  }

  async #ask(): Promise<void> {
    const { statusCode, body } = await this.relay.runAsService(() =>
      this.client.request(HEARD_CONTRACT, {
        method: 'GET',
        path: '/revocations/heard',
        timeoutMs: TIMEOUT_MS,
        signal: this.#closing.signal,
      }),
    );
    // How long ago is as of the answer.
    const now = performance.now();
    const text = await textOf(body, MAX_ANSWER_BYTES);
    if (statusCode !== 200) return;
    const services = answer.parse(JSON.parse(text));
    for (const [mark, report] of this.#open) {
      const before = report.heardAt.size;
      for (const [service, heard = []] of Object.entries(services)) {
        const found = heard.find((one) => one.mark === mark);
        if (found && !report.heardAt.has(service)) report.heardAt.set(service, now - found.agoMs);
      }
      if (report.heardAt.size > before) this.#tell(report);
      // This one, resource and audit.
      if (report.heardAt.size === 3) this.#open.delete(mark);
    }
  }

  /** In milliseconds after the first that has heard. */
  #tell({ kind, id, heardAt }: Report): void {
    const first = Math.min(...heardAt.values());
    const heard = [...heardAt].map(([service, at]) => [service, Math.round((at - first) * 100) / 100] as const);
    this.events.tell('revoked', { kind, id, heard: Object.fromEntries(heard) });
  }
}
