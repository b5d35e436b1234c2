import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

// The package as apps get it: packed, installed from the tarball into apps that know nothing of this workspace,
// compiled by their own compilers with the tsconfig that Nest's generator makes, and run.

const ROOT = resolve(__dirname, '../../..');
const PACKAGE = join(ROOT, 'dist/libs/jwt-guard');
/** The Node that the apps run on; the tests' own, unless TEST_NODE names another. */
const NODE = process.env['TEST_NODE'] ?? process.execPath;
const MINUTES = 60_000;

type Rpc = 'none' | 'open handlers only' | 'all handlers';
const APPS: readonly { name: string; rpc: Rpc }[] = [
  { name: 'nest-12-esm-fastify', rpc: 'none' },
  { name: 'nest-12-commonjs-express', rpc: 'all handlers' },
  { name: 'nest-11-esm-express', rpc: 'none' },
  // Nest 11 has no metadata over TCP: no token can come with a call.
  { name: 'nest-11-commonjs-express', rpc: 'open handlers only' },
];

interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  readonly body: { readonly code?: string; readonly subject?: string };
}
type Answers = Readonly<Record<'good' | 'none' | 'wrongAudience', Answer>>;
interface Observed {
  readonly terms: Answer;
  readonly jwtGuard: Answers;
  readonly authGuard: Answers;
  readonly hostile: readonly { name: string; status: number; challenged: boolean }[];
  readonly rpc: Readonly<Record<'terms' | 'none' | 'good', unknown>> | null;
}

const folder = mkdtempSync(join(tmpdir(), 'jwt-guard-consumers-'));
const tarball = join(folder, 'jwt-guard.tgz');
let packedFiles: string[];

beforeAll(async () => {
  const { stdout } = await succeed(PACKAGE, 'npm', 'pack', '--json', '--pack-destination', folder);
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  if (!packed) throw new Error('npm packed nothing');
  renameSync(join(folder, packed.filename), tarball);
  packedFiles = packed.files.map(({ path }) => path);
}, MINUTES);
afterAll(() => rmSync(folder, { recursive: true }));

describe('the package', () => {
  it('holds compiled files, their types and the papers', () => {
    const kinds = new Set(packedFiles.map((path) => path.replace(/^(dist|testing)\/.*?(\.d\.ts|\.\w+)$/, '$1/*$2')));
    expect([...kinds].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist/*.d.ts',
      'dist/*.js',
      'package.json',
      'testing/*.d.ts',
      'testing/*.js',
    ]);
    expect(packedFiles.filter((path) => path.includes('spec'))).toEqual([]);
  });

  it('can be loaded where it is built', async () => {
    const names = async (path: string) => {
      const script = `console.log(JSON.stringify(Object.keys(require(${JSON.stringify(path)}))))`;
      return JSON.parse((await succeed(ROOT, NODE, '-e', script)).stdout) as unknown;
    };
    expect(await names(PACKAGE)).toEqual(expect.arrayContaining(['JwtGuardModule', 'TokenVerifier']));
    expect(await names(join(PACKAGE, 'testing'))).toContain('TestIssuer');
  });

  it('has nothing that publint would want otherwise', async () => {
    const { stdout } = await succeed(folder, inWorkspace('publint'), 'run', tarball, '--strict');
    expect(stdout).toContain('All good!');
  });

  it('has types for every way to resolve it, says attw', async () => {
    const { stdout } = await succeed(folder, inWorkspace('attw'), tarball, '--no-emoji', '--no-color');
    expect(stdout).toContain('No problems found');
    expect(stdout).toContain('@token-relay/jwt-guard/testing');
  });
});

describe.each(APPS)('$name', ({ name, rpc }) => {
  let app: string;
  let observed: Observed;
  beforeAll(async () => {
    const hasRpc = rpc !== 'none';
    app = await install(name, ['app/http', ...(hasRpc ? ['app/rpc'] : [])]);
    await succeed(app, NODE, tsc(app), '-p', 'tsconfig.build.json');
    const { stdout } = await succeed(app, NODE, 'dist/main.js');
    observed = JSON.parse(stdout) as Observed;
  }, 5 * MINUTES);

  it.each(['jwtGuard', 'authGuard'] as const)('lets good tokens in and no others: %s', (guard) => {
    const { good, none, wrongAudience } = observed[guard];
    expect(good).toMatchObject({ status: 200, body: { subject: expect.stringMatching(/./) as unknown } });
    expect(none).toMatchObject({ status: 401, challenge: 'Bearer realm="api"', body: { code: 'token_missing' } });
    expect(wrongAudience).toMatchObject({
      status: 401,
      challenge: expect.stringMatching(/^Bearer realm="api", error="invalid_token", /) as unknown,
      body: { code: 'audience_mismatch' },
    });
    expect(wrongAudience.body.subject).toBeUndefined();
  });

  it('opens what is @Public', () => {
    expect(observed.terms).toMatchObject({ status: 200, challenge: null, body: { terms: 'none' } });
  });

  it('challenges every hostile token', () => {
    expect(observed.hostile.length).toBeGreaterThan(40);
    const wrong = observed.hostile.filter(
      ({ status, challenged }) => !challenged || (status !== 401 && status !== 400),
    );
    expect(wrong).toEqual([]);
  });

  it(`answers over RPC: ${rpc}`, () => {
    // What the app lists as its own dependency alone: an optional peer must not come with the package.
    expect(existsSync(join(app, 'node_modules/@nestjs/microservices'))).toBe(rpc !== 'none');
    if (rpc === 'none') return expect(observed.rpc).toBeNull();
    const missing = { refused: { status: 401, code: 'token_missing' } };
    expect(observed.rpc).toMatchObject({
      terms: { terms: 'none' },
      none: missing,
      good: rpc === 'all handlers' ? { subject: observed.jwtGuard.good.body.subject } : missing,
    });
  });

  it('has no types that its compiler finds wrong', async () => {
    const { stdout } = await run(app, NODE, tsc(app), '-p', 'tsconfig.build.json', '--skipLibCheck', 'false');
    expect(stdout.split('\n').filter((line) => line.startsWith('node_modules/@token-relay/'))).toEqual([]);
  });

  it('does not compile without what has to be said', async () => {
    const file = 'must-not-compile.ts';
    const source = readFileSync(join(__dirname, 'must-not-compile', file), 'utf8');
    const settings = { extends: './tsconfig.json', compilerOptions: { noEmit: true }, files: [file] };
    writeFileSync(join(app, 'tsconfig.types.json'), JSON.stringify(settings));
    writeFileSync(join(app, file), source);
    // tsc reports an expectation that isn't met.
    await succeed(app, NODE, tsc(app), '-p', 'tsconfig.types.json');

    const lines = source.split('\n');
    const expected = lines.flatMap((line, i) => {
      const option = /^\/\/ @ts-expect-error (.+)/.exec(line)?.[1];
      return option === undefined ? [] : [{ line: i + 2, option }];
    });
    expect(expected.length).toBeGreaterThan(5);
    writeFileSync(join(app, file), source.replaceAll('// @ts-expect-error', '//'));
    const { stdout } = await run(app, NODE, tsc(app), '-p', 'tsconfig.types.json', '--pretty', 'false');
    const errors = stdout.split(/^must-not-compile\.ts\((?=\d)/m).slice(1);
    expect(
      errors.map((error) => {
        const line = parseInt(error);
        const option = expected.find((one) => one.line === line)?.option ?? '';
        return { line, option: error.includes(`'${option}'`) ? option : error };
      }),
    ).toEqual(expected);
  });
});

describe('nest-11-jest, set up as Nest 11 generates it', () => {
  it(
    'tests an app with TestIssuer and the hostile tokens',
    async () => {
      const app = await install('nest-11-jest', []);
      const results = join(app, 'results.json');
      await succeed(app, NODE, 'node_modules/jest/bin/jest.js', '--json', '--outputFile', results);
      expect(JSON.parse(readFileSync(results, 'utf8'))).toMatchObject({ numTotalTests: 5, numPassedTests: 5 });
    },
    5 * MINUTES,
  );
});

/** Copies an app with these parts of the apps' common source, and installs what its package.json asks for. */
async function install(name: string, parts: readonly string[]): Promise<string> {
  const app = join(folder, name);
  cpSync(join(__dirname, name), app, { recursive: true });
  for (const part of parts) cpSync(join(__dirname, part), join(app, 'src'), { recursive: true });
  await succeed(app, 'npm', 'install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline');
  return app;
}

function tsc(app: string): string {
  return join(app, 'node_modules/typescript/bin/tsc');
}

function inWorkspace(name: string): string {
  return join(ROOT, 'node_modules/.bin', name);
}

async function succeed(cwd: string, program: string, ...parameters: string[]) {
  const result = await run(cwd, program, ...parameters);
  if (result.failure === null) return result;
  throw new Error(`${basename(program)} ${parameters.join(' ')}: ${[...Object.values(result)].join('\n')}`);
}

/** Runs a program to its end, which has to come: without what npm, Nx and Jest tell their children of themselves. */
function run(cwd: string, program: string, ...parameters: string[]) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_(?!config_(cache|registry)$)|NODE_|JEST_|NX_|INIT_CWD)/.test(name),
    ),
  );
  return new Promise<{ failure: string | null; stdout: string; stderr: string }>((done) => {
    const settings = { cwd, env, timeout: 4 * MINUTES, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, parameters, settings, (error, stdout, stderr) =>
      done({ failure: error && String(error.code ?? error.signal ?? error.message), stdout, stderr }),
    );
  });
}
