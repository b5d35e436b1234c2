/** What a message carries beside its data: a name may be there several times, and its value may be a list of them. */
export type MetadataEntries = readonly (readonly [name: string, value: unknown])[];

/**
 * Where one transport keeps what a message carries beside its data; `undefined` for the context of any other transport.
 * For one that has a place for it, but nothing in it, that is an empty list.
 */
export type RpcMetadataSource = (context: object) => MetadataEntries | undefined;

/** All names and values together. A token has 8 KiB at most, and with it travel a second one and a few hints. */
export const MAX_METADATA_BYTES = 16 * 1024;

/** One row a transport. */
const SOURCES: readonly RpcMetadataSource[] = [
  // TCP and Redis: the packet's metadata (Nest 12.1).
  (context) => (has(context, 'getMetadata') ? entriesOf(call(context, 'getMetadata')) : undefined),
  // NATS: the message's headers, each with one value or several.
  (context) => {
    if (!has(context, 'getHeaders')) return undefined;
    const headers = call(context, 'getHeaders');
    const names = call(headers, 'keys');
    if (!Array.isArray(names)) return entriesOf(headers);
    return names.map((name) => [String(name), call(headers, 'values', name)] as const);
  },
  // RabbitMQ: the message's properties.
  (context) => {
    const { properties } = (call(context, 'getMessage') ?? {}) as { properties?: { headers?: unknown } };
    return properties && entriesOf(properties.headers);
  },
];

/** What a message carries beside its data, read once, by names in lower case. */
export class RpcMetadata {
  /** It is more than anybody needs who makes a call: nothing of it is read. */
  readonly isTooLarge: boolean;
  readonly #values = new Map<string, string[]>();

  constructor(entries: MetadataEntries) {
    this.isTooLarge = exceeds(entries, MAX_METADATA_BYTES);
    if (this.isTooLarge) return;
    for (const [name, value] of entries) {
      const texts = textsOf(value);
      const before = this.#values.get(name.toLowerCase());
      if (before) before.push(...texts);
      else this.#values.set(name.toLowerCase(), texts);
    }
  }

  /** Every value that came under a name, however that was spelt: whoever takes one has to look whether there is another. */
  valuesOf(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/**
 * The metadata of a message; `undefined` where its transport has no place for any.
 *
 * @param others of transports that aren't known here
 */
export function metadataOf(context: object, others: readonly RpcMetadataSource[] = []): RpcMetadata | undefined {
  const found = [...SOURCES, ...others].map((source) => source(context)).filter((entries) => entries !== undefined);
  return found.length === 0 ? undefined : new RpcMetadata(found.flat());
}

/** What can't be a text counts as an empty one, which is no token and no hint, instead of not at all. */
function textsOf(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(textOf);
  return [textOf(value)];
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Without recursion: how deep it goes is its sender's choice. */
function exceeds(entries: MetadataEntries, limit: number): boolean {
  let left = limit;
  const open: unknown[] = [];
  const add = ([name, value]: readonly [string, unknown]): void => {
    left -= Buffer.byteLength(name);
    open.push(value);
  };
  for (const entry of entries) add(entry);
  while (open.length > 0 && left >= 0) {
    const value = open.pop();
    if (typeof value === 'string') left -= Buffer.byteLength(value);
    else if (ArrayBuffer.isView(value)) left -= value.byteLength;
    else if (typeof value === 'object' && value !== null) for (const entry of Object.entries(value)) add(entry);
    else left -= 8;
  }
  return left < 0;
}

function entriesOf(value: unknown): MetadataEntries {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function has(target: unknown, method: string): boolean {
  return typeof (target as Readonly<Record<string, unknown>> | null | undefined)?.[method] === 'function';
}

function call(target: unknown, method: string, ...parameters: unknown[]): unknown {
  const found = (target as Readonly<Record<string, unknown>> | null | undefined)?.[method];
  return typeof found === 'function' ? (found.apply(target, parameters) as unknown) : undefined;
}
