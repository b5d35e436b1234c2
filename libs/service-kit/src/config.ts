import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Where a service runs. Whatever isn't said is `production`: an omission must not open anything. */
export type Mode = 'production' | 'development' | 'test';

type Environment = Readonly<Record<string, string | undefined>>;

export const port = () =>
  z.coerce.number('must be a port').int('must be a port').min(0, 'must be a port').max(65535, 'must be a port');

/** The names that every service knows. */
const common = {
  NODE_ENV: z.enum(['production', 'development', 'test']).default('production'),
  HOST: z.string().min(1).default('127.0.0.1'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  LOG_FORMAT: z.enum(['json', 'pretty']).default('json'),
  /** Where Prometheus may read; nothing listens without it. */
  METRICS_PORT: port().optional(),
  /** Base URL of an OTLP collector over HTTP; without it nothing of an SDK is loaded. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }).optional(),
  /** PEM files: what it presents on every connection, and whom it trusts. All three or none (`ServiceTls`). */
  TLS_CERT_FILE: z.string().min(1).optional(),
  TLS_KEY_FILE: z.string().min(1).optional(),
  TLS_CA_FILE: z.string().min(1).optional(),
};

/** Those of them whose default depends on where the service runs. */
const commonIn = (mode: Mode) => ({
  /** How long it goes on serving after SIGTERM, before it ends connections. */
  DRAIN_SECONDS: z.coerce
    .number('must be a number of seconds')
    .min(0, 'must be 0 or more')
    .max(60, 'must be 60 or less')
    .default(mode === 'production' ? 5 : 0),
});

export type CommonConfig = z.infer<z.ZodObject<typeof common & ReturnType<typeof commonIn>>>;

/** What is wrong with a configuration: every bad name, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly { readonly name: string; readonly reason: string }[]) {
    super(['The configuration is refused:', ...problems.map(({ name, reason }) => `  ${name}: ${reason}`)].join('\n'));
  }
}

/**
 * A service's configuration from its environment. A name is also found as `NAME_FILE`, the path of a file that
 * holds the value, as orchestrators mount secrets.
 *
 * @throws ConfigError with all that is missing or wrong at once
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  shapeFor: (mode: Mode) => Shape,
  environment: Environment,
): z.infer<z.ZodObject<Shape>> & CommonConfig {
  const mode = common.NODE_ENV.safeParse(environment.NODE_ENV).data ?? 'production';
  const schema = z.object({ ...common, ...commonIn(mode), ...shapeFor(mode) });
  const values: Record<string, string | undefined> = {};
  const problems = new Map<string, string>();
  for (const name of Object.keys(schema.shape)) {
    try {
      values[name] = valueOf(name, environment);
    } catch {
      problems.set(name, `${name}_FILE can not be read`);
    }
  }
  const parsed = schema.safeParse(values);
  for (const { path, code, message } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    // A rule of our own about what a name is by default says more than that it is missing.
    const isMissing = values[name] === undefined && code !== 'custom';
    if (!problems.has(name)) problems.set(name, isMissing ? 'is missing' : message);
  }
  if (problems.size > 0 || !parsed.data) {
    throw new ConfigError([...problems].map(([name, reason]) => ({ name, reason })));
  }
  return parsed.data as z.infer<z.ZodObject<Shape>> & CommonConfig;
}

function valueOf(name: string, environment: Environment): string | undefined {
  const value = environment[name];
  // An empty variable is what many tools make of one that isn't set.
  if (value !== undefined && value !== '') return value;
  const file = environment[`${name}_FILE`];
  return file === undefined || file === '' ? undefined : readFileSync(file, 'utf8').trim();
}

export const flag = () =>
  z
    .enum(['0', '1'], 'must be 0 or 1')
    .default('0')
    .transform((value) => value === '1');

export const url = () => z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });

/** An URL without a path, as `http://host:3000`. */
export const origin = () =>
  url().refine((value) => URL.canParse(value) && new URL(value).origin === value, 'must be an origin, without a path');

/** Where auth is reached: whoever is on the network between could otherwise put keys of its own there. */
export const authOrigin = (environment: Environment) =>
  origin().refine(
    (value) => value.startsWith('https:') || environment.DANGEROUSLY_ALLOW_HTTP === '1',
    'is without TLS, which needs DANGEROUSLY_ALLOW_HTTP=1',
  );

/** Where a service takes RPC over TCP, as `tls://host:4003`, or without TLS as `tcp://host:4003`. */
export const rpcAddress = (environment: Environment) =>
  z
    .string()
    .refine(
      (value) => /^(?:tls|tcp):\/\/[^/:@?#]+:\d{1,5}$/.test(value) && URL.canParse(value),
      'must be of the form tls://host:port or tcp://host:port',
    )
    .refine(
      (value) => !value.startsWith('tcp:') || environment.DANGEROUSLY_ALLOW_HTTP === '1',
      'is without TLS, which needs DANGEROUSLY_ALLOW_HTTP=1',
    )
    .refine(
      (value) => !value.startsWith('tls:') || Boolean(environment.TLS_CERT_FILE),
      'is over TLS, which needs TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE',
    );

/** Begins every secret that `dev-secrets` generates, so that production can tell them. */
const GENERATED_SECRET_PREFIX = 'dev-only-';
const MIN_SECRET_BYTES = 32;
const MIN_DISTINCT_CHARACTERS = 10;
/** Secrets of 32 bytes and more that stand in tutorials. */
const KNOWN_SECRETS =
  /your[-_ ]?(256|512)[-_ ]?bit|a-string-secret|change[-_ ]?me|super[-_ ]?secret|01234567890|password/i;

/** A secret that is long enough to be one, not known to everybody, and in production not a generated one. */
export const secret = (mode: Mode) =>
  z
    .string()
    .refine((value) => Buffer.byteLength(value) >= MIN_SECRET_BYTES, `must have ${MIN_SECRET_BYTES} bytes or more`)
    .refine(
      (value) => new Set(value).size >= MIN_DISTINCT_CHARACTERS && !KNOWN_SECRETS.test(value),
      'is weak: generate a random one',
    )
    .refine(
      (value) => mode !== 'production' || !value.startsWith(GENERATED_SECRET_PREFIX),
      'was generated for development and is refused in production',
    );
