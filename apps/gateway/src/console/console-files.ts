import { StartRefused } from '@token-relay/service-kit';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** What a page may consist of; of a build's other files, source maps say, none is handed out. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};
const COMPRESSED = /^(?:text\/|image\/svg)/;
const PAGE = 'index.html';
/** Below it every name holds a hash of what is in the file. */
const ASSETS = 'assets/';

export interface ConsoleFile {
  readonly type: string;
  readonly body: Buffer;
  /** The same, smaller; absent where it wouldn't be. */
  readonly gzip?: Buffer;
  readonly etag: string;
  /** Whether there will never be anything else by its name. */
  readonly immutable: boolean;
}

/** The console as it was built, in memory: no request reaches the disk, and none can name a file that isn't one of these. */
export class ConsoleFiles {
  private constructor(
    /** What is shown first. */
    readonly page: ConsoleFile,
    private readonly assets: ReadonlyMap<string, ConsoleFile>,
  ) {}

  /** @throws StartRefused where nothing was built */
  static read(folder = builtConsole()): ConsoleFiles {
    const assets = new Map<string, ConsoleFile>();
    for (const name of namesIn(join(folder, ASSETS))) {
      const type = TYPES[extname(name)];
      if (type !== undefined) assets.set(name, fileOf(type, readFileSync(join(folder, ASSETS, name)), true));
    }
    return new ConsoleFiles(fileOf(TYPES['.html'] ?? '', readPage(folder), false), assets);
  }

  asset(name: string): ConsoleFile | undefined {
    return this.assets.get(name);
  }
}

/** @throws StartRefused */
function builtConsole(): string {
  try {
    return join(dirname(require.resolve('@token-relay/console/package.json')), 'dist');
  } catch {
    throw notBuilt();
  }
}

function readPage(folder: string): Buffer {
  try {
    return readFileSync(join(folder, PAGE));
  } catch {
    throw notBuilt();
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    throw notBuilt();
  }
}

function notBuilt(): StartRefused {
  return new StartRefused('CONSOLE=1, and the console was not built: npx nx build console, or CONSOLE=0');
}

function fileOf(type: string, body: Buffer, immutable: boolean): ConsoleFile {
  const gzip = COMPRESSED.test(type) ? gzipSync(body, { level: 9 }) : body;
  // Weak: the same for what is compressed and what isn't.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return Object.freeze({ type, body, ...(gzip.length < body.length && { gzip }), etag, immutable });
}
