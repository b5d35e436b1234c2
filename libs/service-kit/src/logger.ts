import { type LoggerService } from '@nestjs/common';
import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { type CommonConfig } from './config';

export { type Logger } from 'pino';

/** Anything of a JWT's form: two parts are enough, so that a cut-off one is found too. */
const TOKEN = /eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g;

/** Logs of one service: a JSON line each, or for the eye. Whatever looks like a token never gets out. */
export function createLogger(
  service: string,
  config: Pick<CommonConfig, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  destination: DestinationStream = pino.destination({ dest: 1, sync: true }),
): Logger {
  const stream =
    config.LOG_FORMAT === 'pretty'
      ? pretty({
          sync: true,
          colorize: false,
          singleLine: true,
          ignore: 'pid,hostname,service,transactionId,route',
          translateTime: 'SYS:HH:MM:ss.l',
          messageFormat: `${service.padEnd(8)} {msg}`,
          destination: destination as NodeJS.WritableStream,
        })
      : destination;
  return pino(
    {
      level: config.LOG_LEVEL,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
      hooks: { streamWrite: (line) => line.replace(TOKEN, '[token]') },
    },
    stream,
  );
}

const SECRETS = [
  'authorization',
  'cookie',
  '["set-cookie"]',
  'password',
  'access_token',
  'refresh_token',
  'subject_token',
  'client_secret',
  'clientSecret',
];

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
    if (message instanceof Error) this.logger[level]({ err: message, context }, message.message);
    else this.logger[level]({ context }, typeof message === 'string' ? message : JSON.stringify(message));
  }
}
