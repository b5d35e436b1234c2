import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const README = `# Title

<!-- generated: options -->
<!-- end -->

Between.

<!-- generated: errors -->
an old table
<!-- end -->

After.
`;

/** A workspace that is as small as can be, with every kind of option. */
const WORKSPACE: Readonly<Record<string, string>> = {
  'libs/jwt-guard/README.md': README,
  'docs/errors.md': '<!-- generated: rejections -->\n<!-- end -->\n\n<!-- generated: outages -->\n<!-- end -->\n',
  'libs/jwt-guard/src/index.ts': `
    export { type TokenVerifierOptions, type IssuerOptions } from './options';
    export { type JwtGuardOptions } from './options';
    export interface WebSocketOptions {}
    export interface CensusOptions {}
    export interface RelayOptions {}
    export interface DestinationContract {}
  `,
  'libs/jwt-guard/src/options.ts': `
    export interface TokenVerifierOptions {
      /** What is required. */
      readonly issuers: readonly IssuerOptions[];
      /** Called with either | both.
       *  In two lines. Default: none. More about it. */
      readonly observer?: (event: 'one' | 'two') => void;
      now?(): number;
    }
    interface Common {
      /** \`iss\`. */
      readonly issuer: string;
    }
    interface ByUri {
      /** An address. */
      readonly jwksUri: string;
      readonly jwks?: never;
    }
    interface ByKeys {
      /** Keys. */
      readonly jwks: {
        keys: object[];
      };
      readonly jwksUri?: undefined;
    }
    /** One issuer. */
    export type IssuerOptions = Common & (ByUri | ByKeys);
    export interface JwtGuardOptions extends TokenVerifierOptions {
      /** A name. Default: \`api\`. */
      readonly realm?: string;
    }
  `,
  'libs/jwt-guard/src/core/refusals.ts': `
    import { text } from './texts';
    const row = (status: number): { status: number; text: string } => ({ status, text });
    export const REJECTIONS = { none: row(401), bad: { ...row(400), error: 'invalid_request' } };
    export const OUTAGES = { away: row(503) };
  `,
  'libs/jwt-guard/src/core/texts.ts': `export const text: string = 'One | two.';`,
};

describe('generate-docs', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'generate-docs-'));
    for (const [path, text] of Object.entries(WORKSPACE)) write(path, text);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const generate = (...parameters: string[]) =>
    spawnSync('node', [resolve(__dirname, 'generate-docs.mjs'), root, ...parameters], { encoding: 'utf8' });
  /** Lines with single spaces, as widths are Prettier's. */
  const lines = (path: string) =>
    read(path)
      .split('\n')
      .map((line) => line.replace(/ +/g, ' '));

  it('writes the options: types as they stand, alternatives, defaults, what is inherited', () => {
    expect(generate().status).toBe(0);
    const readme = lines('libs/jwt-guard/README.md');
    for (const line of [
      '| `issuers` | `readonly IssuerOptions[]` | **required** | What is required. |',
      "| `observer` | `(event: 'one' \\| 'two') => void` | none | Called with either \\| both. In two lines. More about it. |",
      '| `now` | `(() => number) \\| undefined` | – | |',
      'One issuer.',
      '| `issuer` | `string` | **required** | `iss`. |',
      '| `jwksUri` | `string` | alternative | An address. |',
      '| `jwks` | `{ keys: object[]; }` | alternative | Keys. |',
      'All of `TokenVerifierOptions`, and:',
      '| `realm` | `string` | `api` | A name. |',
      'Between.',
      'After.',
    ]) {
      expect(readme).toContain(line);
    }
    expect(readme.filter((line) => line.includes('`observer`'))).toHaveLength(1);
  });

  it('writes the errors, in place of those that were there', () => {
    generate();
    const readme = lines('libs/jwt-guard/README.md');
    expect(readme).toContain('| `none` | 401 | – | One \\| two. |');
    expect(readme).toContain('| `bad` | 400 | `invalid_request` | One \\| two. |');
    expect(readme).toContain('| `away` | 503 | – | One \\| two. |');
    expect(readme).not.toContain('an old table');
    expect(lines('docs/errors.md')).toContain('| `away` | 503 | One \\| two. |');
  });

  it('checks without writing, and finds what has been changed by hand or in the sources', () => {
    const { status, stderr } = generate('--check');
    expect(status).toBe(1);
    expect(stderr).toContain('libs/jwt-guard/README.md is not what its sources say');
    expect(read('libs/jwt-guard/README.md')).toBe(README);
    generate();
    expect(generate('--check')).toMatchObject({ status: 0, stderr: '' });

    write('docs/errors.md', read('docs/errors.md').replace('503', '502'));
    expect(generate('--check')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^docs\/errors\.md /) as unknown,
    });
    generate();
    write('libs/jwt-guard/src/core/texts.ts', `export const text = 'Other.';`);
    expect(generate('--check').stderr.trim().split('\n')).toHaveLength(2);
  });

  it('fails without a place for a table, or without what it is to list', () => {
    write('docs/errors.md', WORKSPACE['docs/errors.md']?.replace('outages', 'others') ?? '');
    expect(generate().stderr).toContain('docs/errors.md has no place, or several, for the generated outages');
    write(
      'libs/jwt-guard/src/index.ts',
      WORKSPACE['libs/jwt-guard/src/index.ts']?.replace('RelayOptions', 'Other') ?? '',
    );
    expect(generate().stderr).toContain('the library does not export RelayOptions');
  });
});
