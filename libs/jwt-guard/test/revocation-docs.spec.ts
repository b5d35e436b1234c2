import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ts from 'typescript';
import * as jwtGuard from '../src';
import { parseRevocationEntry, type RevocationSource } from '../src';
import { principalOf } from './principals';

const DOCS = resolve(__dirname, '../../../docs');
const page = readFileSync(resolve(DOCS, 'revocation.md'), 'utf8');
const examples = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);
/** Where their imports are found as a service finds them. */
const fileOf = (index: number) => resolve(__dirname, `revocation-docs-example-${index}.ts`);

it('holds examples that compile', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2);
  const path = resolve(__dirname, '../tsconfig.spec.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, (file) => ts.sys.readFile(file)).config,
    ts.sys,
    resolve(__dirname, '..'),
  );
  const host = ts.createCompilerHost(options);
  const codeOf = (file: string) => examples.find((_, index) => fileOf(index) === resolve(file));
  const onDisk = { ...host };
  host.readFile = (file) => codeOf(file) ?? onDisk.readFile(file);
  host.fileExists = (file) => codeOf(file) !== undefined || onDisk.fileExists(file);
  host.getSourceFile = (file, language, ...rest) => {
    const code = codeOf(file);
    return code === undefined
      ? onDisk.getSourceFile(file, language, ...rest)
      : ts.createSourceFile(file, code, language);
  };
  const files = examples.map((_, index) => fileOf(index));
  const program = ts.createProgram(files, options, host);
  const found = files
    .flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(found).toEqual([]);
}, 120_000);

describe("the example of a team's own source", () => {
  let server: Server;
  let status: number;
  let ended: readonly { session: string; at: number }[];
  let source: RevocationSource & { close(): void };
  const other = { iss: 'https://sso.example' };

  beforeEach(async () => {
    [status, ended] = [200, []];
    server = createServer((_request, response) => {
      response.writeHead(status).end(JSON.stringify({ ended }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const code = examples.find((example) => example.includes('class EndedSessions')) ?? '';
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    });
    const exported: { EndedSessions?: new (url: string) => typeof source } = {};
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
    new Function('exports', 'require', outputText)(exported, () => jwtGuard);
    if (!exported.EndedSessions) throw new Error('no example');
    source = new exported.EndedSessions(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  afterEach(async () => {
    source.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('knows a session that has ended, also one that ends later, and tells of it', async () => {
    const at = Math.floor(Date.now() / 1000);
    ended = [{ session: 'a', at }];
    const changed = jest.fn();
    source.subscribe?.(changed);
    await source.start?.();
    expect(source.ready).toBe(true);
    expect(['a', 'b'].map((sid) => source.isRevoked(principalOf({ ...other, sid })))).toEqual([true, false]);
    ended = [{ session: 'b', at }];
    while (!source.isRevoked(principalOf({ ...other, sid: 'b' }))) await sleep(20);
    expect(source.isRevoked(principalOf({ ...other, sid: 'a' }))).toBe(true);
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it("can't tell before it had an answer, and gets one when there is one", async () => {
    status = 500;
    const started = source.start?.();
    await sleep(50);
    expect([source.ready, source.ageSeconds]).toEqual([false, Infinity]);
    expect(() => source.isRevoked(principalOf({ ...other, sid: 'a' }))).toThrow(jwtGuard.VerifierUnavailable);
    status = 200;
    await started;
    expect(source.isRevoked(principalOf({ ...other, sid: 'a' }))).toBe(false);
    expect(source.ageSeconds).toBeLessThan(5);
  });
});

it('gives every kind of entry, and an entry that can be read', () => {
  const table = [...page.matchAll(/^\| `(\w+)` (`value`|`notBefore`)/gm)].map(([, kind]) => kind);
  expect(table).toEqual(['jti', 'sid', 'sub', 'all', 'kid']);
  const [, entry = ''] = /An entry is `(\{.*?\})`/.exec(page) ?? [];
  expect(parseRevocationEntry(JSON.parse(entry))).toEqual(JSON.parse(entry));
});

it('leads to files that are there', () => {
  const links = [...page.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => resolve(DOCS, link));
  const tools = [...page.matchAll(/`node (tools\/[\w-]+\.mjs)`/g)].map(([, tool = '']) => resolve(DOCS, '..', tool));
  expect(tools).toHaveLength(1);
  expect([...links, ...tools].filter((path) => !existsSync(path))).toEqual([]);
});
