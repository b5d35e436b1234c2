import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// The package as others get it: packed, taken out of the tarball, loaded and compiled where nothing is known of this
// workspace. It has to be built before.

const ROOT = resolve(__dirname, '../../..');
const LIBRARY = resolve(__dirname, '..');
const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);

interface Finished {
  readonly code: number;
  readonly output: string;
}

function run(cwd: string, program: string, ...parameters: string[]): Promise<Finished> {
  return new Promise((done) => {
    execFile(program, parameters, { cwd, timeout: 50_000 }, (error, stdout, stderr) =>
      done({ code: error ? 1 : 0, output: stdout + stderr }),
    );
  });
}

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'session-client-'));
  const tarball = join(folder, 'package.tgz');
  const app = join(folder, 'app');
  const installed = join(app, 'node_modules/@token-relay/session-client');
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeAll(async () => {
    if (!existsSync(join(LIBRARY, 'dist/index.js'))) throw new Error('Build it first: npx nx build session-client');
    const packed = await run(LIBRARY, 'npm', 'pack', '--json', '--pack-destination', folder);
    const [name] = readdirSync(folder);
    if (packed.code !== 0 || name === undefined) throw new Error(packed.output);
    renameSync(join(folder, name), tarball);
    mkdirSync(join(app, 'node_modules/@token-relay'), { recursive: true });
    await run(folder, 'tar', '-xzf', tarball);
    renameSync(join(folder, 'package'), installed);
  }, 60_000);

  it('holds what was compiled, its sources, their types and the papers', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    const kinds = new Set(files.map((file) => file.replace(/^(\w+)\/[\w-]+\./, '$1/*.')));
    expect([...kinds].sort()).toEqual([
      ...['LICENSE', 'README.md', 'dist/*.d.ts', 'dist/*.js', 'dist/*.js.map', 'package.json', 'src/*.ts'],
    ]);
    expect(files.filter((file) => file.includes('.spec.'))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts']));
  });

  it('has nothing that publint would want otherwise', async () => {
    const { output } = await run(folder, bin('publint'), 'run', tarball, '--strict');
    expect(output).toContain('All good!');
  });

  it('has types for every way to resolve an ES module, says attw', async () => {
    // Node 20.19 and later requires ES modules: attw speaks of those before.
    const but = ['--ignore-rules', 'cjs-resolves-to-esm'];
    const { output } = await run(folder, bin('attw'), tarball, '--no-emoji', '--no-color', ...but);
    expect(output).toContain('No problems found');
  });

  it.each([
    ['import', "import('@token-relay/session-client').then(tell)"],
    ['require', "tell(require('@token-relay/session-client'))"],
  ])('can be loaded by %s', async (_how, script) => {
    const tell = 'const tell = (loaded) => console.log(Object.keys(loaded).sort().join());';
    writeFileSync(join(app, 'load.cjs'), `${tell} ${script};`);
    const { output } = await run(app, process.execPath, '--no-warnings', 'load.cjs');
    expect(output.trim()).toBe('SessionError,createNativeSessionClient,createSessionClient');
  });

  const SOURCE = `
    import { createNativeSessionClient, createSessionClient, SessionError } from '@token-relay/session-client';
    const page = createSessionClient({ retryOn: [401, 403], refreshAheadSeconds: 60 });
    const { fetch, accessToken } = page;
    const stop: () => void = page.subscribe(({ state, reason }) => void [state satisfies string, reason]);
    export async function use(): Promise<[number, string, Date | undefined]> {
      stop();
      await page.logoutEverywhere({ exceptThis: true });
      const answer = await fetch('/api', { method: 'POST', body: 'x' });
      return [answer.status, await accessToken(), (await page.sessions())[0]?.createdAt];
    }
    const native = createNativeSessionClient({
      baseUrl: 'https://gateway.example',
      tokenEndpoint: 'https://auth.example/oauth/token',
      clientId: 'phone',
      storage: { load: () => null, save: async () => {}, clear: () => {} },
    });
    native.login({ username: 'x', password: 'y' }).catch((error) => {
      if (error instanceof SessionError && error.code === 'invalid_credentials') return error.retryAfterSeconds;
      // @ts-expect-error no such code
      return error instanceof SessionError && error.code === 'no_such_code';
    });
    // @ts-expect-error only refusals of a token
    createSessionClient({ retryOn: [404] });
    // @ts-expect-error the refresh token has to be kept somewhere
    createNativeSessionClient({ baseUrl: '', tokenEndpoint: '', clientId: '' });
    // @ts-expect-error a native client has no cookie to ask with
    void native.sessions;
    // @ts-expect-error that is the server's to say
    page.state = 'active';
  `;

  /** @returns what the compiler says; nothing is what it should */
  async function compile(sources: Readonly<Record<string, string>>, options: object): Promise<Finished> {
    const compilerOptions = {
      ...options,
      target: 'es2022',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    };
    for (const [file, source] of Object.entries(sources)) writeFileSync(join(app, file), source);
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(sources) }));
    return run(app, process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.');
  }

  it.each<[string, object]>([
    ['a page', { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] }],
    ['Node, without the types of browsers', { module: 'nodenext', lib: ['es2022'], types: ['node'] }],
    ['Node and CommonJS', { module: 'node20', lib: ['es2022', 'dom'], types: ['node'] }],
  ])(
    'compiles strictly in %s, and does not where it must not',
    async (what, options) => {
      const file = what.includes('CommonJS') ? 'use.cts' : 'use.mts';
      expect(await compile({ [file]: SOURCE }, options)).toEqual({ code: 0, output: '' });
    },
    60_000,
  );

  it('has a README whose examples compile', async () => {
    const examples = [...readFileSync(join(LIBRARY, 'README.md'), 'utf8').matchAll(/```ts\n([^]*?)```/g)];
    expect(examples).toHaveLength(2);
    const sources = Object.fromEntries(examples.map(([, source = ''], i) => [`example-${i}.mts`, source]));
    const options = { module: 'nodenext', lib: ['es2022', 'dom'], types: ['node'] };
    expect(await compile(sources, options)).toEqual({ code: 0, output: '' });
  }, 60_000);
});
