import { type Entry } from '../harness/rounds';
import { type OwnSetting, USERS } from './own';
import { type PeerSetting } from './peers';
import { type RedisSetting } from './redis';
import { type CheckSetting, type RevocationSetting } from './revocations';
import { type Algorithm } from './tokens';

export const BARE = 'crypto.verify';
export const COLD = 'TokenVerifier, cold';
export const WARM = 'TokenVerifier, warm';
export const PASSPORT = 'passport-jwt + jwks-rsa';
const OWN = 'TokenVerifier';
const ASKED_EACH_TIME = `${WARM}, asked each time`;
const CHECK_ALONE = 'the check alone';

/** The names are those of the exports. */
const own = (label: string, name: string, setting: OwnSetting): Entry<OwnSetting> => ({
  label,
  module: 'verification/own',
  name,
  setting,
});

export const coldEntry = (setting: OwnSetting) => own(COLD, 'cold', setting);
export const warmEntry = (setting: OwnSetting) => own(WARM, 'warm', setting);
export const warmWithMetricsEntry = (setting: OwnSetting) => ({
  ...own(`${WARM}, with metrics`, 'warmWithMetrics', setting),
  module: 'verification/own-with-metrics',
});

interface Peer {
  readonly label: string;
  readonly module: string;
  readonly name: string;
  readonly more?: object;
  /** What it can't verify. */
  readonly lacks?: Algorithm;
}

const BARE_ENTRY: Peer = { label: BARE, module: 'verification/bare', name: 'bare' };
const BARE_AS_DOCUMENTED: Peer = {
  ...BARE_ENTRY,
  label: `${BARE}, as documented`,
  more: { asDocumented: true },
};
const PASSPORT_ENTRY: Peer = {
  label: PASSPORT,
  module: 'verification/passport',
  name: 'passportJwt',
  lacks: 'EdDSA',
};
const library = (label: string, name: string, more: Pick<Peer, 'more' | 'lacks'> = {}): Peer => ({
  label,
  module: 'verification/peers',
  name,
  ...more,
});

/** Garbage is in no cache. */
const CACHES: readonly Peer[] = [
  library('fast-jwt, cache', 'fastJwt', { more: { cache: 'hash' } }),
  library('fast-jwt, cache by the token itself', 'fastJwt', { more: { cache: 'token' } }),
];

const LIBRARIES: readonly Peer[] = [
  library('fast-jwt', 'fastJwt'),
  library('jsonwebtoken', 'jsonwebtoken', { lacks: 'EdDSA' }),
  library('jose', 'jose'),
  library('aws-jwt-verify', 'awsJwtVerify'),
];

const GARBAGE = ', garbage';

function peerEntry({ label, module, name, more = {} }: Peer, file: string, garbage: boolean): Entry<PeerSetting> {
  return { label: garbage ? `${label}${GARBAGE}` : label, module, name, setting: { file, garbage, ...more } };
}

/** Everybody with good tokens, then everybody with garbage. */
export function allEntries(algorithm: Algorithm, setting: OwnSetting): Entry[] {
  const { file } = setting;
  const peers = [...LIBRARIES, PASSPORT_ENTRY].filter(({ lacks }) => lacks !== algorithm);
  return [
    peerEntry(BARE_ENTRY, file, false),
    peerEntry(BARE_AS_DOCUMENTED, file, false),
    coldEntry(setting),
    warmEntry(setting),
    ...[...CACHES, ...peers].map((peer) => peerEntry(peer, file, false)),
    peerEntry(BARE_ENTRY, file, true),
    own(`${OWN}${GARBAGE}`, 'flooded', setting),
    ...peers.map((peer) => peerEntry(peer, file, true)),
  ];
}

export const FLOODED = `${OWN}${GARBAGE}`;

/** Who is needed to tell whether the bounds hold. */
export function checkedEntries(setting: OwnSetting): Entry[] {
  return [
    peerEntry(BARE_ENTRY, setting.file, false),
    coldEntry(setting),
    warmEntry(setting),
    own(FLOODED, 'flooded', setting),
    peerEntry(PASSPORT_ENTRY, setting.file, false),
  ];
}

/** What is said of garbage, under the names of those who say it. */
export function isGarbage(label: string): boolean {
  return label.endsWith(GARBAGE);
}

export const coldWithRevocationsEntry = (setting: OwnSetting, entries: number) =>
  withRevocations(COLD, 'coldWithRevocations', setting, entries);

export function checkAloneEntry(setting: OwnSetting, entries: number, tokens: number): Entry<CheckSetting> {
  const { label, ...rest } = withRevocations(CHECK_ALONE, 'checkAlone', setting, entries);
  return {
    ...rest,
    label: tokens === USERS ? label : `${label}, of ${tokens.toLocaleString('en')} tokens`,
    setting: { ...rest.setting, tokens },
  };
}

export function checkAloneLabel(entries: number): string {
  return `${CHECK_ALONE}, ${entries.toLocaleString('en')}`;
}

const withRevocations = (
  label: string,
  name: string,
  setting: OwnSetting,
  entries: number,
): Entry<RevocationSetting> => ({
  label: `${label}, ${entries.toLocaleString('en')}`,
  module: 'verification/revocations',
  name,
  setting: { ...setting, entries },
});

/** With a source of revocations that holds so many. */
export function revocationEntries(setting: OwnSetting, entries: number): Entry<RevocationSetting>[] {
  const entry = (label: string, name: string) => withRevocations(label, name, setting, entries);
  return [
    entry(WARM, 'warmWithRevocations'),
    entry(ASKED_EACH_TIME, 'warmAskedEachTime'),
    checkAloneEntry(setting, entries, USERS),
  ];
}

export function redisEntries(url: string): Entry[] {
  const entry = <Setting extends RedisSetting>(label: string, name: string, setting: Setting): Entry<Setting> => ({
    label,
    module: 'verification/redis',
    name,
    setting,
  });
  return [
    entry('Redis, one GET', 'redisGet', { url }),
    entry('Redis, a session, one at a time', 'redisSession', { url, atOnce: 1 }),
    entry('Redis, a session, 64 at once', 'redisSession', { url, atOnce: 64 }),
  ];
}
