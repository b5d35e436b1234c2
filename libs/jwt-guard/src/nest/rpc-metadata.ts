/**
 * What a message carries beside its data under a name, however it is spelt, and wherever its transport keeps it:
 * one row a transport. Whatever isn't a text is left out.
 */
export function rpcMetadata(context: object, name: string): string[] {
  return SOURCES.flatMap((source) => source(context))
    .filter(([key]) => key.toLowerCase() === name)
    .map(([, value]) => value)
    .filter((value) => typeof value === 'string');
}

type Entries = readonly (readonly [name: string, value: unknown])[];

const SOURCES: readonly ((context: object) => Entries)[] = [
  // TCP and Redis: the packet's metadata (Nest 12.1).
  (context) => entriesOf(call(context, 'getMetadata')),
  // NATS: the message's headers, each with one value or several.
  (context) => {
    const headers = call(context, 'getHeaders');
    const names = call(headers, 'keys');
    if (!Array.isArray(names)) return entriesOf(headers);
    return names.flatMap((name) => valuesOf(headers, String(name)).map((value) => [String(name), value] as const));
  },
  // RabbitMQ: the message's properties.
  (context) => {
    const { properties } = (call(context, 'getMessage') ?? {}) as { properties?: { headers?: unknown } };
    return entriesOf(properties?.headers);
  },
];

function valuesOf(headers: unknown, name: string): unknown[] {
  const values = call(headers, 'values', name);
  return Array.isArray(values) ? values : [];
}

function entriesOf(value: unknown): Entries {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function call(target: unknown, method: string, ...parameters: unknown[]): unknown {
  const found = (target as Readonly<Record<string, unknown>> | null | undefined)?.[method];
  return typeof found === 'function' ? (found.apply(target, parameters) as unknown) : undefined;
}
