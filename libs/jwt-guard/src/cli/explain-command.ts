import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type AlgorithmName, SIGNATURE_ALGORITHMS } from '../core/algorithms';
import { describeForm, escaped } from '../core/describe-token';
import { explainToken } from '../core/explain-token';
import { type ProfileName, PROFILES } from '../core/profiles';
import { VerifierUnavailable } from '../core/refusals';
import { type KeySource } from '../core/resolve-key';
import { rawToken, type RawToken } from '../core/token-states';
import { type JsonWebKeySet } from '../core/verification-key';
import { type IssuerOptions, resolveVerifierOptions, type VerifierPolicy } from '../core/verifier-options';
import { printTrace } from './print-trace';

export interface CommandIo {
  readonly colors: boolean;
  readonly readInput: () => Promise<string>;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}

const USAGE = `Usage: jwt-guard explain [options] [token]

Says, stage by stage, why an access token is accepted or refused. Without a token (or with -) it is read from
standard input, where no shell history keeps it. Nothing but the JWKS is asked for, and nothing is sent anywhere.

  --jwks <url or file>      the issuer's keys; without them the signature is not verified
  --issuer <iss>            what iss must be; default: what the token says
  --audience <aud>          what aud must hold; may be repeated; default: what the token says
  --alg <name>              an algorithm that is allowed; may be repeated; default: every signature algorithm
  --profile <name>          ${Object.keys(PROFILES).join(', ')}; default: rfc9068
  --max-lifetime <seconds>  the longest exp - iat; default: the profile's
  --tolerance <seconds>     leeway for clocks that are apart; default: 5
  --dangerously-allow-http  take keys from an address without TLS
  --json                    the trace for machines
  --help

Exit code: 0 accepted, 1 rejected, 2 could not tell.
`;

const EXIT_CODES = { accepted: 0, rejected: 1, undecided: 2 } as const;
const COULD_NOT_TELL = EXIT_CODES.undecided;

const OPTIONS = {
  jwks: { type: 'string' },
  issuer: { type: 'string' },
  audience: { type: 'string', multiple: true },
  alg: { type: 'string', multiple: true },
  profile: { type: 'string' },
  'max-lifetime': { type: 'string' },
  tolerance: { type: 'string' },
  'dangerously-allow-http': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @returns the exit code */
export async function explainCommand(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    const [command, given, ...more] = positionals;
    if (values.help || command === undefined) {
      io.write(USAGE);
      return values.help ? 0 : COULD_NOT_TELL;
    }
    if (command !== 'explain') throw new Error('the one command is: explain');
    if (more.length > 0) throw new Error('more than one token was given');
    const token = rawToken((given === undefined || given === '-' ? await io.readInput() : given).trim());
    if (token === '') throw new Error('no token was given');
    return await explain(token, values, io);
  } catch (error) {
    io.warn(`jwt-guard: ${escaped((error as Error).message)}\n`);
    return COULD_NOT_TELL;
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

async function explain(token: RawToken, values: Values, io: CommandIo): Promise<number> {
  const { policy, assumed } = await policyFor(token, values);
  const trace = await explainToken(token, policy).finally(() => {
    for (const { keys } of policy.issuers.values()) keys.close();
  });
  const notes = assumed.map((name) => `${name} was not given: what the token says was taken for right.`);
  io.write(
    values.json
      ? `${JSON.stringify({ ...trace, notes }, undefined, 2)
          .split('\n')
          .map(escaped)
          .join('\n')}\n`
      : printTrace(trace, notes, { colors: io.colors }),
  );
  return EXIT_CODES[trace.outcome];
}

/** What the token is held against: what was given, and where nothing was, what the token says itself. */
async function policyFor(token: RawToken, values: Values): Promise<{ policy: VerifierPolicy; assumed: string[] }> {
  const claims = describeForm(token).claims ?? {};
  const assumed: string[] = [];
  const given = <Value>(name: string, value: Value | undefined, byToken: () => Value): Value => {
    if (value !== undefined) return value;
    assumed.push(name);
    return byToken();
  };
  const texts = (value: unknown) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).filter(
      (entry): entry is string => typeof entry === 'string' && entry !== '',
    );
  const issuer = {
    issuer: given('--issuer', values.issuer, () => texts(claims.iss)[0] ?? '(none)'),
    audience: given('--audience', values.audience, () => {
      const audiences = texts(claims.aud ?? claims.client_id);
      return audiences.length > 0 ? audiences : ['(none)'];
    }),
    algorithms: (values.alg ?? Object.keys(SIGNATURE_ALGORITHMS)) as AlgorithmName[],
    ...(values.profile !== undefined && { profile: values.profile as ProfileName }),
    ...(values['max-lifetime'] !== undefined && { dangerouslyMaxLifetimeSeconds: Number(values['max-lifetime']) }),
    ...(await keysFrom(values)),
  } as unknown as IssuerOptions;
  const clockToleranceSeconds = values.tolerance === undefined ? undefined : Number(values.tolerance);
  const options = { issuers: [issuer], ...(clockToleranceSeconds !== undefined && { clockToleranceSeconds }) };
  const policy =
    values.jwks === undefined ? resolveVerifierOptions(options, () => NO_KEYS) : resolveVerifierOptions(options);
  return { policy, assumed };
}

async function keysFrom({ jwks, 'dangerously-allow-http': dangerouslyAllowHttp }: Values): Promise<object> {
  if (jwks === undefined) return {};
  if (/^https?:/i.test(jwks)) return { jwksUri: jwks, dangerouslyAllowHttp };
  let text: string;
  try {
    text = await readFile(jwks, 'utf8');
  } catch {
    throw new Error(`--jwks: ${jwks} can not be read`);
  }
  try {
    return { jwks: JSON.parse(text) as JsonWebKeySet };
  } catch {
    throw new Error(`--jwks: ${jwks} is not JSON`);
  }
}

/** For who has no keys: everything but the signature can be looked at. */
const NO_KEYS: KeySource = {
  single: false,
  ready: false,
  known: () => undefined,
  find: () => {
    throw new VerifierUnavailable('keys_unavailable');
  },
  report: () => ({ source: '--jwks, which was not given', usable: [], unusable: [] }),
  load: () => Promise.resolve(),
  refresh: () => undefined,
  close: () => undefined,
};
