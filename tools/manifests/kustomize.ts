import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** What kustomize makes of a folder; needs kubectl 1.24 or newer, and no cluster. */
export function kustomize(folder: string): string {
  return execFileSync('kubectl', ['kustomize', resolve(__dirname, '../..', folder)], { encoding: 'utf8' });
}

/** `describe`, where kubectl can do that; in the gate, where nothing is skipped, .ci/run has installed it. */
export function describeWithKustomize(): jest.Describe {
  return process.env.CI !== undefined || hasKustomize() ? describe : describe.skip;
}

function hasKustomize(): boolean {
  try {
    // From 1.24 on it says which kustomize is in it.
    return execFileSync('kubectl', ['version', '--client'], { encoding: 'utf8' }).includes('Kustomize Version: v');
  } catch {
    return false;
  }
}
