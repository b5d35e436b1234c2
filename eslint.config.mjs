import eslint from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';

// Each project by its own types: from a list of all of them each file's would be looked for in every one before it.
const root = import.meta.dirname;
const projects = ['.', 'apps', 'libs']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((project) => existsSync(join(root, project, 'tsconfig.spec.json')));

// Who may import whom. docs/adr/0002 says why; tools/module-boundaries.spec.ts proves that a breach is reported.
const boundaries = [
  { sourceTag: 'type:publishable', onlyDependOnLibsWithTags: ['type:publishable'] },
  { sourceTag: 'type:kit', onlyDependOnLibsWithTags: ['type:publishable', 'type:kit'] },
  // Of a page an app finds the files, and imports nothing: its package exports nothing else.
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:publishable', 'type:kit', 'type:page'] },
  { sourceTag: 'type:page', onlyDependOnLibsWithTags: ['type:publishable'] },
  { sourceTag: 'type:testing', onlyDependOnLibsWithTags: ['type:testing'] },
  { sourceTag: 'type:e2e', onlyDependOnLibsWithTags: ['type:testing'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:bench', onlyDependOnLibsWithTags: ['type:publishable', 'type:kit', 'type:testing'] },
];
// Tests may use libs/testing on top of what their project may import.
const inTests = boundaries.map((rule) => ({
  ...rule,
  onlyDependOnLibsWithTags: [...rule.onlyDependOnLibsWithTags, 'type:testing'],
}));
const moduleBoundaries = (depConstraints) => ['error', { depConstraints }];

const frameworks = ['@nestjs/*', 'passport', 'passport-jwt', 'rxjs', 'rxjs/*', 'fastify', 'express'];

export default tseslint.config(
  // The apps in consumers/ are what others write, with dependencies that aren't installed here.
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '**/*.js', '**/*.mjs', 'libs/jwt-guard/consumers/*/'] },
  eslint.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': moduleBoundaries(boundaries),
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  ...projects.map((project) => ({
    files: [`${project}/**/*.{ts,tsx}`],
    languageOptions: { parserOptions: { tsconfigRootDir: root, project: [`${project}/tsconfig.spec.json`] } },
  })),
  {
    files: ['**/*.spec.ts', '**/test/**/*.ts', 'e2e/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': moduleBoundaries(inTests) },
  },
  {
    // The core of jwt-guard knows no framework.
    files: ['libs/jwt-guard/src/core/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ group: [...frameworks, '../nest/*', '../relay/*'], message: 'The core knows no framework.' }],
        },
      ],
    },
  },
  {
    files: ['libs/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.full-spec.ts', '**/test/**/*.ts', 'libs/testing/src/servers/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Libraries read no environment; apps pass it in.' },
      ],
    },
  },
  prettier,
);
