import { type INestApplication } from '@nestjs/common';
import { PolicyCensusError } from '@token-relay/jwt-guard';
import { ConfigError } from './config';
import { Drain } from './drain';
import { type Logger } from './logger';
import { Management } from './metrics/management';

/**
 * How long the end may take, beside the time for which the service goes on serving: 8 s for what is under way, 2 s for
 * the last traces, 1 s for connections to others, and a second.
 */
const SHUTDOWN_LIMIT_MS = 12_000;
/** A terminal signals a whole group of processes, and a parent that passes that on signals its children once more. */
const SAME_SIGNAL_MS = 500;

export interface Service {
  readonly logger: Logger;
  readonly app: INestApplication;
  /** Opens the ports; resolves to where it can be reached. */
  listen(): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * Runs a service until it is told to end: after SIGTERM or SIGINT it drains, and then exits with 0. A second one ends
 * it at once, with 1. A start that fails exits with 1, and says in a line why.
 */
export async function runService(create: () => Promise<Service>): Promise<void> {
  let service: Service | undefined;
  let listens = false;
  let endingSince: number | undefined;
  const end = (signal: NodeJS.Signals): void => {
    if (endingSince === undefined) {
      endingSince = performance.now();
      void shutDown(service, signal, listens);
    } else if (performance.now() - endingSince >= SAME_SIGNAL_MS) {
      service?.logger.warn({ signal }, 'ends at once');
      process.exit(1);
    }
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  try {
    service = await create();
    // First: probes are answered while the rest starts.
    const management = await service.app.get(Management).listen();
    const addresses = await service.listen();
    listens = true;
    service.logger.info({ ...addresses, management }, 'listening');
  } catch (error) {
    if (endingSince !== undefined) return;
    refuseToStart(error, service?.logger);
  }
}

async function shutDown(service: Service | undefined, signal: NodeJS.Signals, listens: boolean): Promise<never> {
  const logger = service?.logger;
  const drain = listens ? service?.app.get(Drain) : undefined;
  const limitSeconds = (drain?.seconds ?? 0) + SHUTDOWN_LIMIT_MS / 1000;
  logger?.info({ signal, drainSeconds: drain?.seconds }, 'shutting down');
  setTimeout(() => {
    logger?.error(`not done ${limitSeconds} s after ${signal}`);
    process.exit(1);
  }, limitSeconds * 1000).unref();
  try {
    await drain?.run();
    await service?.app.close();
  } catch (error) {
    logger?.error({ err: error }, 'shutting down failed');
    process.exit(1);
  }
  logger?.info('ended');
  process.exit(0);
}

function refuseToStart(error: unknown, logger: Logger | undefined): never {
  const expected = EXPECTED.some((type) => error instanceof type) || isListenError(error);
  const message = error instanceof Error ? error.message : String(error);
  if (logger) logger.fatal(expected ? {} : { err: error }, message);
  else process.stderr.write(`${expected || !(error instanceof Error) ? message : error.stack}\n`);
  process.exit(1);
}

/** A start that can't go on, for a reason that its message says in full. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

/** What says in its message all that there is to say. */
const EXPECTED = [ConfigError, StartRefused, PolicyCensusError];

function isListenError(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL';
}
