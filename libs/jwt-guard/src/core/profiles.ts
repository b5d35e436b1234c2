import { type Members } from './token-states';

/**
 * What the access tokens of one kind of issuer look like: which rules of RFC 9068 it keeps, and where it puts
 * what that RFC has a name for. A list of claim names is tried in its order; the first that is there counts.
 */
export interface Profile {
  /** `typ` of the header in lower case; `undefined` where it may be left out. */
  readonly types: ReadonlySet<string | undefined>;
  readonly audience: readonly string[];
  readonly client: readonly string[];
  readonly clientRequired: boolean;
  readonly tokenId: readonly string[];
  readonly tokenIdRequired: boolean;
  readonly session: readonly string[];
  /** As a text of words; under `scp` a list of them is taken as well. */
  readonly scope: readonly string[];
  readonly roles: (claims: Members) => unknown;
  /** What gives a token away as another kind – of ID, refresh, logout, event –: a claim's name, or `undefined`. */
  readonly otherKind: (claims: Members) => string | undefined;
  /** The longest `exp - iat` that is accepted unless the options say otherwise, in seconds. */
  readonly maxLifetimeSeconds: number;
}

/** `typ` of RFC 9068, section 2.1; without a "/" it is short for `application/…` (RFC 7515, section 4.1.9). */
const EXPLICIT = ['at+jwt', 'application/at+jwt'];
const PLAIN = [...EXPLICIT, 'jwt', 'application/jwt'];

/** `typ` and `token_use` as Keycloak and Cognito put them among the claims of what is not for access. */
const OTHER_TYPES: ReadonlySet<unknown> = new Set([
  'ID',
  'Serialized-ID',
  'Refresh',
  'Offline',
  'Logout',
  'Logout+JWT',
]);
const OTHER_USES: ReadonlySet<unknown> = new Set(['id', 'refresh']);

/** Marks that no access token bears, whoever signed it. `events`: RFC 8417, section 2.2, and logout tokens. */
function marked(claims: Members): string | undefined {
  if (claims.events !== undefined) return 'events';
  if (OTHER_TYPES.has(claims.typ)) return 'typ';
  if (OTHER_USES.has(claims.token_use)) return 'token_use';
  return undefined;
}

/** Marks of ID tokens (OpenID Connect Core, sections 2 and 3.3.2.11), which look like access tokens otherwise. */
function markedAsIdToken(claims: Members): string | undefined {
  return marked(claims) ?? ['nonce', 'at_hash', 'c_hash', 's_hash'].find((name) => claims[name] !== undefined);
}

const profile = (rules: Partial<Profile>): Profile => Object.freeze({ ...RFC_9068, ...rules });

const RFC_9068: Profile = Object.freeze({
  types: new Set(EXPLICIT),
  audience: ['aud'],
  client: ['client_id'],
  clientRequired: true,
  tokenId: ['jti'],
  tokenIdRequired: true,
  session: ['sid'],
  scope: ['scope'],
  roles: (claims: Members) => claims.roles,
  otherKind: marked,
  maxLifetimeSeconds: 900,
});

/**
 * The profiles, each as its loosened rules against the first. docs/interop.md says where each comes from;
 * `profiles.spec.ts` holds a token of each as it is really sent.
 */
export const PROFILES = Object.freeze({
  /** RFC 9068, as it stands. */
  rfc9068: RFC_9068,
  /** Keycloak: `typ: JWT` in the header and `typ: Bearer` among the claims, the client in `azp`. */
  keycloak: profile({
    types: new Set(PLAIN),
    client: ['azp', 'client_id'],
    session: ['sid', 'session_state'],
    roles: ({ roles, realm_access: realm }: Members) =>
      roles ?? (realm as { roles?: unknown } | null | undefined)?.roles,
    // Its ID and refresh tokens are signed with the same key and may be for the same audience.
    otherKind: (claims) => marked(claims) ?? (claims.typ === 'Bearer' ? undefined : 'typ'),
  }),
  /** Auth0, with its own token profile: `typ: JWT`, the client in `azp`, no `jti`, a day long. */
  auth0: profile({
    types: new Set(PLAIN),
    client: ['azp', 'client_id'],
    tokenIdRequired: false,
    roles: (claims) => claims.permissions,
    otherKind: markedAsIdToken,
    maxLifetimeSeconds: 86_400,
  }),
  /** Microsoft Entra ID, v2.0 and v1.0: `scp`, `azp` or `appid`, `uti`; up to 90 minutes, issued five minutes ago. */
  entra: profile({
    types: new Set(PLAIN),
    client: ['azp', 'appid'],
    tokenId: ['uti', 'jti'],
    tokenIdRequired: false,
    scope: ['scp'],
    // An ID token of the same application has neither.
    otherKind: (claims) =>
      markedAsIdToken(claims) ?? (claims.scp === undefined && claims.roles === undefined ? 'scp' : undefined),
    maxLifetimeSeconds: 5_700,
  }),
  /** Amazon Cognito: no `typ`, no `aud` (the client stands for it), `token_use: access`; an hour long. */
  cognito: profile({
    types: new Set([...PLAIN, undefined]),
    audience: ['aud', 'client_id'],
    session: ['origin_jti'],
    roles: (claims) => claims['cognito:groups'],
    otherKind: (claims) => markedAsIdToken(claims) ?? (claims.token_use === 'access' ? undefined : 'token_use'),
    maxLifetimeSeconds: 3_600,
  }),
  /** Any other: `typ: JWT` or none, client and `jti` where there are any; ID tokens are known by their marks only. */
  generic: profile({
    types: new Set([...PLAIN, undefined]),
    client: ['client_id', 'azp', 'cid'],
    clientRequired: false,
    tokenIdRequired: false,
    // Okta's are a list.
    scope: ['scope', 'scp'],
    otherKind: markedAsIdToken,
    maxLifetimeSeconds: 3_600,
  }),
} satisfies Record<string, Profile>);

export type ProfileName = keyof typeof PROFILES;

export function isProfileName(value: unknown): value is ProfileName {
  return typeof value === 'string' && Object.hasOwn(PROFILES, value);
}
