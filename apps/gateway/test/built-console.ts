import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PAGE = '<!doctype html><html lang="en"><title>console</title>\n';
export const SCRIPT = `export const text = '${'a page that is worth to be compressed. '.repeat(50)}';\n`;
export const SCRIPT_NAME = 'index-BX3f9a1c.js';

/** A folder as `vite build` leaves it, and demo accounts beside it. */
export class BuiltConsole {
  readonly folder = mkdtempSync(join(tmpdir(), 'console-'));
  readonly accounts = join(this.folder, 'accounts.json');

  constructor() {
    const assets = join(this.folder, 'assets');
    mkdirSync(assets);
    writeFileSync(join(this.folder, 'index.html'), PAGE);
    writeFileSync(join(assets, SCRIPT_NAME), SCRIPT);
    writeFileSync(join(assets, 'index-D4e5f6a7.css'), 'body { margin: 0 }\n');
    writeFileSync(join(assets, `${SCRIPT_NAME}.map`), '{}');
    writeFileSync(this.accounts, JSON.stringify([{ username: 'alice', password: 'p', scopes: ['documents:read'] }]));
  }

  /** What makes a gateway one of the demo. */
  get demo(): Readonly<Record<string, string>> {
    return { NODE_ENV: 'development', HOST: '127.0.0.1', DEMO: '1', DEMO_ACCOUNTS_FILE: this.accounts };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
