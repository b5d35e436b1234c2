/**
 * How a message says what it carries where its transport has no place for it: around its data,
 * `{ "token-relay": { "metadata": { … } }, "data": … }`.
 */
export interface RpcEnvelope {
  readonly [ENVELOPE]: { readonly metadata: Readonly<Record<string, unknown>> };
  readonly data: unknown;
}

const ENVELOPE = 'token-relay';

export function enclose(metadata: Readonly<Record<string, string>>, data: unknown): RpcEnvelope {
  return { [ENVELOPE]: { metadata }, data };
}

/** @returns `undefined` for what isn't exactly an envelope: that is data */
export function openEnvelope(
  value: unknown,
): { metadata: Readonly<Record<string, unknown>>; data: unknown } | undefined {
  if (!hasExactly(value, ENVELOPE, 'data')) return undefined;
  const { [ENVELOPE]: head, data } = value;
  if (!hasExactly(head, 'metadata')) return undefined;
  const { metadata } = head;
  return isObject(metadata) ? { metadata, data } : undefined;
}

function hasExactly<Name extends string>(value: unknown, ...names: Name[]): value is Record<Name, unknown> {
  return (
    isObject(value) && Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
