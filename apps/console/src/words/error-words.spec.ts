import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_WORDS, isDetailWanted, wordsFor } from './error-words';

const docs = readFileSync(join(__dirname, '../../../../docs/errors.md'), 'utf8');
const documented = docs
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, code]) => code ?? ''));

/** Which no service answers with: of the page and of its session client. */
const PAGE_CODES = [
  'network_failed',
  'timed_out',
  'temporarily_unavailable',
  'session_changed',
  'unexpected_answer',
  'token_not_for_origin',
  'storage_failed',
  'client_closed',
  'stream_ended',
  'page_failed',
];

describe('words for an error', () => {
  it('are there for every code that is documented', () => {
    expect(documented.length).toBeGreaterThan(80);
    expect(documented.filter((code) => !Object.hasOwn(ERROR_WORDS, code))).toEqual([]);
  });

  it('are there for no other code but those that the page makes itself', () => {
    expect(Object.keys(ERROR_WORDS).filter((code) => !documented.includes(code))).toEqual(PAGE_CODES);
  });

  it('say something also of a code that nobody knows', () => {
    expect(wordsFor('no_such_code').means).toContain('no words');
    expect(wordsFor('constructor').means).toContain('no words');
  });

  it.each([
    ['attack_not_ready', true],
    ['no_such_code', true],
    ['constructor', true],
    ['insufficient_scope', false],
    ['validation_failed', false],
  ])('leave something to say to the detail of %s: %j', (code, isWanted) => {
    expect(isDetailWanted(code)).toBe(isWanted);
  });
});
