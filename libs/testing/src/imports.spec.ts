import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

describe('libs/testing', () => {
  const sources = readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.startsWith('servers/'),
  );

  // It is published, without its servers, as CommonJS for Jest as it comes: one package that is ESM only, and no test there would start.
  it('imports nothing but Node and itself', () => {
    const imported = sources.flatMap((file) => {
      const text = readFileSync(join(__dirname, file), 'utf8');
      return [...text.matchAll(/\bfrom '([^']+)'|\b(?:import|require)\(?\s*'([^']+)'/g)].map(
        ([, from, direct]) => from ?? direct ?? '',
      );
    });
    expect(sources).toContain('index.ts');
    expect(imported).toContain('node:crypto');
    expect(imported.filter((name) => !/^(node:|\.\.?\/(?!.*servers))/.test(name))).toEqual([]);
  });
});
