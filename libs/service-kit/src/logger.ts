import { type LoggerService } from '@nestjs/common';
import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { type CommonConfig } from './config';
import { callFields } from './logging/call-fields';
import { RequestLines } from './logging/request-lines';
import { errorFields } from './logging/error-fields';
import { visible } from './logging/for-the-eye';
import { secretsIn, withoutSecrets } from './logging/secrets';
import { shortened } from './logging/shortened';

export { type Logger } from 'pino';

/** What writes the lines of requests, of those loggers that write JSON. */
const requestLines = new WeakMap<Logger, RequestLines>();

/** @returns `undefined` where the logger itself has to write them: for the eye, and where it writes none */
export function requestLinesOf(logger: Logger): RequestLines | undefined {
  return requestLines.get(logger);
}

/**
 * Logs of one service: a JSON line each, which names the call that it belongs to, or for the eye. Whatever looks like a
 * token never gets out, nor do the secrets that are in the service's configuration. For the eye, control characters are
 * escaped. A `path` or a `pattern` of more than 2,048 characters is cut off.
 */
export function createLogger(
  service: string,
  config: Pick<CommonConfig, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  destination: DestinationStream = pino.destination({ dest: 1, sync: true }),
): Logger {
  const isPretty = config.LOG_FORMAT === 'pretty';
  const clean = withoutSecrets(secretsIn(config));
  const short = (value: unknown): unknown => (typeof value === 'string' ? shortened(value, clean) : value);
  const lines = new RequestLines(service, clean, destination);
  const stream: DestinationStream = isPretty
    ? pretty({
        sync: true,
        colorize: false,
        singleLine: true,
        ignore: 'pid,hostname,service,transactionId,route',
        translateTime: 'SYS:HH:MM:ss.l',
        messageFormat: `${service.padEnd(8)} {msg}`,
        destination: destination as NodeJS.WritableStream,
      })
    : {
        write: (line) => {
          lines.flush();
          destination.write(line);
        },
      };
  const logger = pino(
    {
      level: config.LOG_LEVEL,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      ...(!isPretty && { mixin: () => callFields() }),
      serializers: { err: errorFields(clean), path: short, pattern: short },
      hooks: { streamWrite: isPretty ? (line) => visible(clean(line)) : clean },
    },
    stream,
  );
  if (!isPretty && logger.isLevelEnabled('info')) requestLines.set(logger, lines);
  return logger;
}

/** What is no secret of the service itself, which nobody else can send. */
const withoutOthers = withoutSecrets([]);

/** Nest's own messages, through the same logger. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  // What Nest says of itself is for developers; who may call what, and other words of the guard, for operators.
  log = (message: unknown, ...rest: unknown[]): void =>
    this.write(rest.at(-1) === 'JwtGuard' ? 'info' : 'debug', message, rest);
  warn = (message: unknown, ...rest: unknown[]): void => this.write('warn', message, rest);
  error = (message: unknown, ...rest: unknown[]): void => this.write('error', message, rest);
  fatal = (message: unknown, ...rest: unknown[]): void => this.write('fatal', message, rest);
  debug = (message: unknown, ...rest: unknown[]): void => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]): void => this.write('trace', message, rest);

  private write(
    level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace',
    message: unknown,
    rest: unknown[],
  ): void {
    const context = rest.length > 0 && typeof rest[rest.length - 1] === 'string' ? rest[rest.length - 1] : undefined;
    // The guard's list of who may call what is as long as it is. Others repeat what they were sent.
    const short = (text: string): string => (context === 'JwtGuard' ? text : shortened(text, withoutOthers));
    if (message instanceof Error) this.logger[level]({ err: message, context }, short(message.message));
    else this.logger[level]({ context }, short(typeof message === 'string' ? message : JSON.stringify(message)));
  }
}
