import { type Mode, StartRefused } from '@token-relay/service-kit';
import { z } from 'zod';
import { distinct, parseFile, scope } from '../parse-file';
import { type ClientKey, clientKeys, pointOf } from './client-keys';

/** A service that asks auth for something. Its id is the audience that it has itself. */
export interface Client {
  readonly type: 'service';
  readonly id: string;
  /** For which audiences it may get tokens: by exchange with these scopes at most, for itself with its own. */
  readonly audiences: Readonly<Record<string, readonly string[]>>;
  /** What it may do itself, without a user. */
  readonly scopes: readonly string[];
  /** Whether it may begin transactions, and what these may be for at most. */
  readonly transactions?: { readonly scopes: readonly string[] } | undefined;
}

/** An app on its users' own devices: a public client, which can keep no secret (RFC 8252, section 8.4). */
export interface NativeClient {
  readonly type: 'native';
  readonly id: string;
  /** The most that its users' tokens may have. */
  readonly scopes: readonly string[];
}

/** SHA-256 of a secret. */
export type SecretDigest = Buffer;

export interface RegisteredClient {
  readonly client: Client | NativeClient;
  /** A service's: one, or two while the secret is being changed. A native client has none, and who has keys. */
  readonly secrets: readonly SecretDigest[];
  /** Of a service that authenticates by what it signs: one, or two while the key is being changed. */
  readonly keys: readonly ClientKey[];
}

const EMPTY_SECRET = 'sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU';

const scopes = () => z.array(scope()).refine(distinct);

const secretDigest = z
  .string()
  // 43 letters hold two bits more than 32 bytes have: the last must be one that leaves them 0, or it is misspelt.
  .regex(/^sha256:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)
  .refine((value) => value !== EMPTY_SECRET);

// Never a UUID, which is what users are: neither can be taken for the other (RFC 9700, section 4.15).
const clientId = z
  .string()
  .max(256)
  .regex(/^[\x21-\x39\x3b-\x7e]+$/)
  .refine((id) => !z.guid().safeParse(id).success);

const service = z
  .strictObject({
    type: z.literal('service').default('service'),
    id: clientId,
    secrets: z.array(secretDigest).min(1).max(2).refine(distinct).optional(),
    jwks: clientKeys.optional(),
    audiences: z.record(z.string().regex(/^[\x21-\x7e]+$/), scopes().min(1)).default({}),
    scopes: scopes().default([]),
    transactions: z.strictObject({ scopes: scopes().min(1) }).optional(),
  })
  // One way to authenticate: the weaker of two would be the one that counts.
  .refine(({ secrets, jwks }) => secrets !== undefined || jwks !== undefined, { path: ['secrets'] })
  .refine(({ secrets, jwks }) => secrets === undefined || jwks === undefined, { path: ['jwks'] });

const native = z.strictObject({
  type: z.literal('native'),
  id: clientId,
  scopes: scopes().min(1),
});

const clientsFile = z.strictObject({
  /** What made the file, if it was not a person. */
  generatedBy: z.string().optional(),
  clients: z.array(z.discriminatedUnion('type', [service, native])),
});

/**
 * The clients that `CLIENTS_FILE` lists, by their ids.
 * @throws StartRefused when it isn't as it must be, or isn't for this mode
 */
export function parseClientsFile(text: string, mode: Mode): ReadonlyMap<string, RegisteredClient> {
  const { clients } = parseFile('CLIENTS_FILE', clientsFile, text, mode);
  if (!distinct(clients.map(({ id }) => id))) throw new StartRefused('CLIENTS_FILE lists an id twice');
  const registered = clients.map(registeredClient);
  if (!distinct(registered.flatMap(({ secrets }) => secrets.map((digest) => digest.toString('hex'))))) {
    throw new StartRefused('CLIENTS_FILE lists a secret twice: each client has its own');
  }
  if (!distinct(registered.flatMap(({ keys }) => keys.map(pointOf)))) {
    throw new StartRefused('CLIENTS_FILE lists a key twice: each client has its own');
  }
  return new Map(registered.map((entry) => [entry.client.id, entry]));
}

function registeredClient(listed: z.infer<typeof service> | z.infer<typeof native>): RegisteredClient {
  if (listed.type === 'native') return { client: listed, secrets: [], keys: [] };
  const { secrets = [], jwks, ...client } = listed;
  return {
    client,
    secrets: secrets.map((digest) => Buffer.from(digest.slice('sha256:'.length), 'base64url')),
    keys: jwks?.keys ?? [],
  };
}
