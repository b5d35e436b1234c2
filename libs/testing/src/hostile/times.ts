import { type Forge } from '../forge';
import { withMember } from '../json-text';
import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

const TOLERANCE = 5;
const LIFETIME = 900;

/** `exp`, `iat` and `nbf` (RFC 7519, section 4.1), for a tolerance of 5 seconds and lifetimes of up to 900. */
export function times({ forge }: Material): HostileToken[] {
  return [
    ...refusedAt('validate_claims', [...malformed(forge), ...bygone(forge), ...tooLong(forge), ...early(forge)]),
    ...refusedAt('validate_claims', momentary(forge), true),
  ];
}

function malformed(forge: Forge): Row[] {
  const values: [name: string, value: unknown][] = [
    ['as text', String(forge.now + 100)],
    ['as a date in text', new Date((forge.now + 100) * 1000).toISOString()],
    ['as empty text', ''],
    ['null', null],
    ['true', true],
    ['false', false],
    ['as a list', [forge.now + 100]],
    ['as an object', { seconds: forge.now + 100 }],
    ['below zero', -1],
    ['later than any calendar goes', 8.64e12 + 1],
    ['in nanoseconds', (forge.now + 100) * 1e9],
  ];
  const infinite = (claim: string) =>
    forge.raw(forge.headerJson(), withMember(forge.payloadJson({ [claim]: undefined }), `"${claim}":1e400`));
  return [
    ['no exp', forge.token({ exp: undefined }), 'claim_missing'],
    ['no iat', forge.token({ iat: undefined }), 'claim_missing'],
    ...['exp', 'iat', 'nbf'].flatMap((claim): Row[] => [
      ...values.map(([name, value]): Row => [`${claim} ${name}`, forge.token({ [claim]: value }), 'claim_malformed']),
      [`${claim} that is too much for a number`, infinite(claim), 'claim_malformed'],
    ]),
  ];
}

function bygone(forge: Forge): Row[] {
  const { now } = forge;
  const expired = (name: string, exp: number, iat = exp - 300): Row => [
    name,
    forge.token({ exp, iat }),
    'token_expired',
  ];
  return [
    expired('expired as long ago as the tolerance', now - TOLERANCE),
    expired('expired longer ago than the tolerance, by a tenth of a second', now - TOLERANCE - 0.1),
    expired('expired a minute ago', now - 60),
    expired('expired a year ago', now - 365 * 86_400),
    expired('exp a second after zero', 1, 0),
    expired('exp in minutes', Math.floor((now + 300) / 60)),
    expired('an exp that is that many seconds from now', 300, 0),
  ];
}

function tooLong(forge: Forge): Row[] {
  const { now } = forge;
  const long = (name: string, exp: number, iat = now): Row => [name, forge.token({ exp, iat }), 'lifetime_too_long'];
  return [
    long('lives a second too long', now + LIFETIME + 1),
    long('lives a thousandth of a second too long', now + LIFETIME + 0.001),
    long('lives a second too long, and most of it has passed', now + 61, now - LIFETIME + 60),
    long('lives for a day', now + 86_400),
    long('lives for a year', now + 365 * 86_400),
    long('lives to the last day of the calendar', 8.64e12),
    long('exp in milliseconds', (now + 300) * 1000),
    long('iat zero', now + 300, 0),
    long('iat in minutes', now + 300, Math.floor(now / 60)),
  ];
}

const issued = (forge: Forge, name: string, ahead: number): Row => [
  name,
  forge.token({ iat: forge.now + ahead, exp: forge.now + ahead + 300 }),
  'token_issued_in_future',
];

const validFrom = (forge: Forge, name: string, ahead: number): Row => [
  name,
  forge.token({ nbf: forge.now + ahead }),
  'token_not_yet_valid',
];

function early(forge: Forge): Row[] {
  const { now } = forge;
  return [
    issued(forge, 'issued in an hour', 3_600),
    issued(forge, 'issued in a year', 365 * 86_400),
    issued(forge, 'iat and exp in milliseconds', now * 999),
    ['iat in milliseconds, exp in seconds', forge.token({ iat: now * 1000 }), 'claim_malformed'],
    validFrom(forge, 'valid from a time after its expiry', 3_600),
    validFrom(forge, 'valid from next year', 365 * 86_400),
    validFrom(forge, 'nbf in milliseconds', now * 999),
  ];
}

/** At the edge of the tolerance; or expired before it was issued, which within the tolerance of both can be seen. */
function momentary(forge: Forge): Row[] {
  const { now } = forge;
  return [
    issued(forge, 'issued a second later than the tolerance allows', TOLERANCE + 1),
    issued(forge, 'issued a thousandth of a second later than the tolerance allows', TOLERANCE + 0.001),
    validFrom(forge, 'valid from a second later than the tolerance allows', TOLERANCE + 1),
    validFrom(forge, 'valid from a thousandth of a second later than the tolerance allows', TOLERANCE + 0.001),
    ['expires when it is issued', forge.token({ iat: now, exp: now }), 'claim_malformed'],
    ['expires a second before it is issued', forge.token({ iat: now + 3, exp: now + 2 }), 'claim_malformed'],
    ['expires a tenth of a second before it is issued', forge.token({ iat: now, exp: now - 0.1 }), 'claim_malformed'],
  ];
}
