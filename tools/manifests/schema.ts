import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { type Manifest } from './system';

/** What Kubernetes would refuse of each. */
export function schemaProblems(manifests: readonly Manifest[]): readonly (readonly string[])[] {
  const output = execFileSync('node', [resolve(__dirname, 'check-schema.mjs')], {
    input: JSON.stringify(manifests),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(output) as readonly (readonly string[])[];
}
