/**
 * What redis-server is told, by the words after its name: each setting with its values, as in a file.
 *
 * @throws Error for what is said twice, of which the last counts, or without a value
 */
export function redisSettings(words: readonly string[]): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  // A word may be the setting with its values, or its name alone.
  const parts = words.flatMap((word) => (word.startsWith('--') ? word.split(' ') : [word]));
  parts.forEach((word, index) => {
    if (!word.startsWith('--')) return;
    const name = word.slice(2);
    if (settings.has(name)) throw new Error(`--${name} is said twice`);
    const end = parts.findIndex((other, after) => after > index && other.startsWith('--'));
    const values = parts.slice(index + 1, end < 0 ? undefined : end);
    if (values.length === 0) throw new Error(`--${name} has no value`);
    const value = values.join(' ');
    settings.set(name, /^(""|'')$/.test(value) ? '' : value);
  });
  return settings;
}

const FACTORS: Readonly<Record<string, number>> = { '': 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/** In bytes. NaN where it is none. */
export function redisBytes(text: string | undefined): number {
  const [, number, unit = ''] = /^(\d+)([kmg]b)?$/.exec(text ?? '') ?? [];
  return number === undefined ? Number.NaN : Number(number) * (FACTORS[unit] ?? Number.NaN);
}
