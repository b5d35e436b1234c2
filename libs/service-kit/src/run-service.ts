import { type INestApplication } from '@nestjs/common';
import { PolicyCensusError } from '@token-relay/jwt-guard';
import { ConfigError } from './config';
import { type Logger } from './logger';

const SHUTDOWN_LIMIT_MS = 10_000;

export interface Service {
  readonly logger: Logger;
  readonly app: INestApplication;
  /** Opens the ports; resolves to where it can be reached. */
  listen(): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * Runs a service until it is told to end: SIGTERM and SIGINT let it finish what it has begun, and then it exits
 * with 0. A start that fails exits with 1, and says in a line why.
 */
export async function runService(create: () => Promise<Service>): Promise<void> {
  let service: Service | undefined;
  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    if (ending) return;
    ending = true;
    void shutDown(service, signal);
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  try {
    service = await create();
    const addresses = await service.listen();
    service.logger.info(addresses, 'listening');
  } catch (error) {
    if (ending) return;
    refuseToStart(error, service?.logger);
  }
}

async function shutDown(service: Service | undefined, signal: NodeJS.Signals): Promise<never> {
  const logger = service?.logger;
  logger?.info({ signal }, 'shutting down');
  setTimeout(() => {
    logger?.error(`not done ${SHUTDOWN_LIMIT_MS / 1000} s after ${signal}`);
    process.exit(1);
  }, SHUTDOWN_LIMIT_MS).unref();
  try {
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
