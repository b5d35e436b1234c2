import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_WORDS, wordsFor } from './error-words';

const docs = readFileSync(join(__dirname, '../../../../docs/errors.md'), 'utf8');
const documented = docs
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, code]) => code ?? ''));

describe('words for an error', () => {
  it('are there for every code that is documented', () => {
    expect(documented.length).toBeGreaterThan(80);
    expect(documented.filter((code) => !Object.hasOwn(ERROR_WORDS, code))).toEqual([]);
  });

  it('say something also of a code that nobody knows', () => {
    expect(wordsFor('no_such_code').means).toContain('no words');
    expect(wordsFor('constructor').means).toContain('no words');
  });
});
