import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { collectDefaultMetrics, type Registry } from 'prom-client';
import { type CommonConfig } from '../config';
import { type Logger } from '../logger';
import { PROBLEM_MEDIA_TYPE } from '../problem-exception';
import { problemOf } from '../problem.filter';
import { notReady, Readiness } from '../readiness';
import { type ManagementAnswer, ManagementServer } from './management-server';

export const MANAGEMENT_SETTINGS = Symbol('management-settings');

export interface ManagementSettings {
  readonly config: Pick<CommonConfig, 'METRICS_PORT' | 'HOST'>;
  readonly registry: Registry;
  readonly logger: Pick<Logger, 'error'>;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * `/metrics`, `/healthz` and `/readyz` on `METRICS_PORT`. It has to be opened before the ports of the service, so that
 * probes are answered while that starts; it ends after them.
 */
@Injectable()
export class Management implements OnApplicationShutdown {
  #server: ManagementServer | undefined;
  #reading: Promise<string> | undefined;

  constructor(
    @Inject(MANAGEMENT_SETTINGS) private readonly settings: ManagementSettings,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  /** @returns where it listens; `undefined` without a `METRICS_PORT`, when nothing does */
  async listen(): Promise<string | undefined> {
    const { config, registry, logger } = this.settings;
    if (config.METRICS_PORT === undefined) return undefined;
    collectDefaultMetrics({ register: registry });
    const readiness = this.modules.get(Readiness, { strict: false });
    const pages = {
      '/metrics': () => this.#metrics(),
      '/healthz': () => ({ status: 200, type: JSON_TYPE, body: JSON.stringify(readiness.alive) }),
      '/readyz': () => readyz(readiness),
    };
    this.#server = new ManagementServer(pages, (err) => logger.error({ err }, 'the metrics can not be told'));
    return this.#server.listen(config.METRICS_PORT, config.HOST);
  }

  onApplicationShutdown(): void {
    this.#server?.close();
  }

  /** Of several who read at the same time each gets the same. */
  async #metrics(): Promise<ManagementAnswer> {
    const { registry } = this.settings;
    this.#reading ??= registry.metrics().finally(() => (this.#reading = undefined));
    return { status: 200, type: registry.contentType, body: await this.#reading };
  }
}

/** As `HealthModule` answers it. */
function readyz(readiness: Readiness): ManagementAnswer {
  const { failing } = readiness;
  if (failing.length === 0) return { status: 200, type: JSON_TYPE, body: JSON.stringify(readiness.ready) };
  const problem = { ...problemOf(503, 'not_ready', notReady(failing)), failing, transactionId: randomUUID() };
  return { status: 503, type: PROBLEM_MEDIA_TYPE, body: JSON.stringify(problem) };
}
