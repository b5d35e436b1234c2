import { parseAllDocuments } from 'yaml';

/**
 * Where a file would bring a Secret with a value into a cluster, in words: as a manifest, in a list of them, in a text
 * of another (a patch), or as what kustomize makes one of.
 */
export function secretValuesIn(text: string): readonly string[] {
  const documents = documentsOf(text);
  return documents ? documents.flatMap((document) => within(document)) : ['can not be read'];
}

/** JSON as well, and with comments. Undefined where it is no YAML. */
function documentsOf(text: string): readonly unknown[] | undefined {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    const documents = parseAllDocuments(text, { merge: true });
    if (documents.some(({ errors }) => errors.length > 0)) return undefined;
    return documents.map((document) => document.toJS() as unknown);
  }
}

function within(value: unknown): readonly string[] {
  if (typeof value === 'string') {
    return /Secret|secretGenerator/.test(value) && value.includes('\n')
      ? (documentsOf(value) ?? []).flatMap(within)
      : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const { kind, data, stringData, secretGenerator } = value as Record<string, unknown>;
  return [
    ...(kind === 'Secret' && (data !== undefined || stringData !== undefined) ? ['is a Secret with a value'] : []),
    ...(secretGenerator !== undefined ? ['makes a Secret'] : []),
    ...Object.values(value).flatMap(within),
  ];
}
