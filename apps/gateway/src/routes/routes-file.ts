import { origin } from '@token-relay/service-kit';
import { z } from 'zod';
import { METHODS } from './route';

/** Without a slash at its end, `//`, dots at the end or beginning of a segment, escapes, `*` and `:`. */
const CANONICAL = /^(?:\/[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?)+$/;
const NOT_CANONICAL =
  'must be a path as /api/documents: no slash at its end, no empty or dotted segments, no escapes, no *';
/** What `x-request-timeout-ms` and the timers of all parts can hold, with room. */
const MAX_TIMEOUT_MS = 300_000;
const MAX_BODY_BYTES = 2 ** 40;

const whole = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int(error).min(least, error).max(most, error);
};
const text = () => z.string('must be a text').min(1, 'must not be empty');
const scopes = () =>
  z.array(z.string('must be a text').regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope: one, without spaces'), {
    error: 'must be a list of scopes',
  });
const yesOrNo = () => z.boolean('must be true or false');
const path = () => z.string('must be a text').regex(CANONICAL, NOT_CANONICAL);

const destination = z.strictObject({
  url: origin().optional(),
  audience: z.string('must be a text').regex(/^[\x21-\x7e]+$/, 'must be an audience: one, without spaces'),
  scopes: scopes().default([]),
  dangerouslyForward: yesOrNo().default(false),
});

const route = z.strictObject(
  {
    prefix: path(),
    methods: z
      .array(z.enum(METHODS, `must be one of ${METHODS.join(', ')}`), 'must be a list of methods')
      .min(1, 'must name at least one method'),
    destination: text(),
    rewrite: z
      .union([z.literal('/'), path()], { error: `must be "/" or ${NOT_CANONICAL.slice('must be '.length)}` })
      .optional(),
    scopes: scopes().default([]),
    mode: z
      .enum(['exchange', 'transaction', 'forward', 'none'], 'must be exchange, transaction, forward or none')
      .optional(),
    timeoutMs: whole(1, MAX_TIMEOUT_MS).optional(),
    maxBodyBytes: whole(0, MAX_BODY_BYTES).optional(),
    rateLimit: z
      .strictObject({ requests: whole(1, 1_000_000), perSeconds: whole(1, 86_400) }, { error: objectError })
      .optional(),
    webSocket: yesOrNo().default(false),
  },
  { error: objectError },
);

/** What `ROUTES_FILE` has to hold. */
export const routesFile = z.strictObject(
  {
    destinations: z.record(
      z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no name of a destination: small letters, digits and "-"'),
      destination,
      'must be an object of destinations, by their names',
    ),
    routes: z.array(route, 'must be a list of routes').min(1, 'must hold at least one route'),
  },
  { error: objectError },
);
export type RoutesFile = z.infer<typeof routesFile>;
export type RouteEntry = RoutesFile['routes'][number];
export type DestinationEntry = RoutesFile['destinations'][string];

/** The entries of a file that are right by themselves; `undefined` in the place of those that aren't. */
export interface PartialFile {
  readonly destinations: Readonly<Record<string, DestinationEntry | undefined>>;
  readonly routes: readonly (RouteEntry | undefined)[];
}

/** What can be looked at of a file that isn't right. */
export function whatIsInOrder(content: object): PartialFile {
  const { destinations, routes } = content as Readonly<Record<string, unknown>>;
  const named = typeof destinations === 'object' && destinations !== null ? Object.entries(destinations) : [];
  const listed: readonly unknown[] = Array.isArray(routes) ? routes : [];
  return {
    destinations: Object.fromEntries(named.map(([name, entry]) => [name, destination.safeParse(entry).data])),
    routes: listed.map((entry) => route.safeParse(entry).data),
  };
}

/** A member's name is no value of it; what is none can't be told. */
function objectError(issue: object): string {
  const { code, keys } = issue as { readonly code?: string; readonly keys?: readonly string[] };
  if (code !== 'unrecognized_keys') return 'must be an object';
  const named = (keys ?? []).map((key) => (/^[A-Za-z]\w{0,30}$/.test(key) ? key : '…'));
  return `has members that are not known here: ${named.join(', ')}`;
}
