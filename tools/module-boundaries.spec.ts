import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');
const BOUNDARIES = '@nx/enforce-module-boundaries';
const CORE = 'no-restricted-imports';

/** An import that would be wrong – or is right – in a file of the workspace. */
const CASES: readonly { file: string; imports: string; reported: string | null }[] = [
  { file: 'apps/auth/src/main.ts', imports: '@token-relay/jwt-guard', reported: null },
  { file: 'apps/auth/src/main.ts', imports: '@token-relay/service-kit', reported: null },
  { file: 'apps/auth/src/main.ts', imports: '@token-relay/testing', reported: BOUNDARIES },
  { file: 'apps/auth/test/auth.spec.ts', imports: '@token-relay/testing', reported: null },
  { file: 'apps/console/src/main.tsx', imports: '@token-relay/session-client', reported: null },
  { file: 'apps/console/src/main.tsx', imports: '@token-relay/service-kit', reported: BOUNDARIES },
  { file: 'apps/console/src/session.ts', imports: '@token-relay/testing', reported: BOUNDARIES },
  { file: 'libs/service-kit/src/index.ts', imports: '@token-relay/jwt-guard', reported: null },
  { file: 'libs/service-kit/src/index.ts', imports: '@token-relay/testing', reported: BOUNDARIES },
  { file: 'libs/jwt-guard/src/index.ts', imports: '@token-relay/service-kit', reported: BOUNDARIES },
  { file: 'libs/jwt-guard/src/index.ts', imports: '@token-relay/testing', reported: BOUNDARIES },
  { file: 'libs/jwt-guard/src/core/token-verifier.spec.ts', imports: '@token-relay/testing', reported: null },
  { file: 'libs/testing/src/index.ts', imports: '@token-relay/jwt-guard', reported: BOUNDARIES },
  { file: 'e2e/src/system.ts', imports: '@token-relay/testing', reported: null },
  { file: 'e2e/src/system.ts', imports: '@token-relay/jwt-guard', reported: BOUNDARIES },
  { file: 'libs/jwt-guard/src/core/decode-token.ts', imports: '@nestjs/common', reported: CORE },
  { file: 'libs/jwt-guard/src/core/decode-token.ts', imports: 'passport-jwt', reported: CORE },
  { file: 'libs/jwt-guard/src/core/decode-token.ts', imports: '../nest/problem', reported: CORE },
  { file: 'libs/jwt-guard/src/core/decode-token.ts', imports: 'node:crypto', reported: null },
  { file: 'libs/jwt-guard/src/nest/problem.ts', imports: '@nestjs/common', reported: null },
];

describe('the borders between modules', () => {
  let reported: string[][];

  beforeAll(() => {
    const input = CASES.map(({ file, imports }) => ({ file, code: `export * from '${imports}';\n` }));
    const { stdout, stderr } = spawnSync('node', ['tools/lint-cases.mjs'], {
      cwd: ROOT,
      input: JSON.stringify(input),
      encoding: 'utf8',
    });
    expect(stderr).not.toContain('Error');
    reported = JSON.parse(stdout) as string[][];
  });

  it.each(CASES.map((entry, i) => ({ ...entry, i, verdict: entry.reported ?? 'nothing' })))(
    'in $file, importing $imports reports $verdict',
    ({ i, reported: rule }) => {
      const broken = (reported[i] ?? []).filter((name) => name === BOUNDARIES || name === CORE);
      expect(broken).toEqual(rule === null ? [] : [rule]);
    },
  );
});
