import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeApiServer } from '../test/fake-api-server';
import { misfits } from '../test/misfits';
import { bootstrapCommand } from './bootstrap-command';
import { type ServiceAccount } from './place/service-account';
import { type Contents } from './secrets';

describe('the command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}, account?: ServiceAccount) {
    let said = '';
    let warned = '';
    const code = await bootstrapCommand(args, {
      environment,
      write: (text) => (said += text),
      warn: (text) => (warned += text),
      ...(account && { serviceAccount: () => account }),
    });
    return { code, said, warned };
  }

  function read(directory: string): Map<string, Contents> {
    const contentsOf = (name: string): Contents => {
      const files = readdirSync(join(directory, name)).filter((file) => !file.startsWith('..'));
      return Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, name, file), 'utf8')]));
    };
    return new Map(readdirSync(directory).map((name) => [name, contentsOf(name)]));
  }

  it('makes files once, and says of each what it did, and nothing of what is in it', async () => {
    const directory = join(folder, 'once');
    const first = await run(['files', directory], { DEMO_ACCOUNTS: '1' });
    expect(first).toMatchObject({ code: 0, warned: '' });
    expect(first.said).toMatch(/^made ca\n(made [a-z-]+\n){15}made demo-accounts\n$/);
    const made = read(directory);
    expect(misfits(made)).toEqual([]);

    const second = await run(['files', directory], { DEMO_ACCOUNTS: '1' });
    expect(second.said).toBe(first.said.replaceAll('made', 'kept'));
    expect(read(directory)).toEqual(made);
  });

  it('makes one set of files when several begin at once', async () => {
    const directory = join(folder, 'raced');
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => run(['files', directory])));
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(misfits(read(directory))).toEqual([]);
    expect(outcomes.flatMap(({ said }) => said.match(/^made .*/gm) ?? [])).toHaveLength(16);
  });

  describe('in Kubernetes', () => {
    let api: FakeApiServer;
    beforeEach(async () => (api = await FakeApiServer.start()));
    afterEach(() => api.stop());

    it('makes Secrets once, for the namespace that it is in, when several begin at once as well', async () => {
      const outcomes = await Promise.all([1, 2, 3].map(() => run(['kubernetes'], {}, api.account())));
      expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
      const made = api.contents;
      expect(misfits(made)).toEqual([]);
      expect(outcomes.flatMap(({ said }) => said.match(/^made .*/gm) ?? [])).toHaveLength(16);

      const posts = () => api.requests.filter(({ method }) => method === 'POST').length;
      const before = posts();
      expect(await run(['kubernetes'], {}, api.account())).toMatchObject({ code: 0 });
      expect(posts()).toBe(before);
      expect(api.contents).toEqual(made);
    });

    it('asks for no Secret but its own, each by its name', async () => {
      const without = ['--without-certificates', '--without-redis', '--without-records'];
      await run(['kubernetes', ...without], { DEMO_ACCOUNTS: '1' }, api.account());
      const asked = api.requests.map(({ method, path }) => `${method} ${path.split('/').slice(5).join('/')}`);
      expect(asked).toEqual([
        ...['demo-accounts', 'auth', 'audit-client', 'resource-client', 'gateway-client'].map(
          (name) => `GET secrets/${name}`,
        ),
        ...Array.from({ length: 5 }, () => 'POST secrets'),
      ]);
    });

    it('goes on where a run was refused in the middle', async () => {
      api.faults.push(...Array.from({ length: 19 }, () => undefined), [403, 'Forbidden']);
      const refused = await run(['kubernetes'], {}, api.account());
      expect(refused).toEqual({
        code: 1,
        said: 'made ca\nmade gateway-tls\nmade resource-tls\n',
        warned:
          'bootstrap: audit-tls: the API server refuses to create it with 403: the Role of this service account does not allow it\n',
      });
      expect((await run(['kubernetes'], {}, api.account())).code).toBe(0);
      expect(misfits(api.contents)).toEqual([]);
    });
  });

  it('refuses with 1 and a reason what it can not do', async () => {
    const directory = join(folder, 'broken');
    await run(['files', directory]);
    rmSync(join(directory, 'ca'), { recursive: true });
    const { code, said, warned } = await run(['files', directory]);
    expect({ code, said }).toEqual({ code: 1, said: '' });
    expect(warned).toMatch(/^bootstrap: ca is missing, .*\n$/);
    expect(await run(['kubernetes'])).toMatchObject({ code: 1, warned: expect.stringContaining('no pod') as unknown });
  });

  it.each([
    [[], {}],
    [['make'], {}],
    [['files'], {}],
    [['files', 'one', 'two'], {}],
    [['kubernetes', 'one'], {}],
    [['files', 'one', '--force'], {}],
    [['files', 'one'], { DEMO_ACCOUNTS: 'yes' }],
    [['files', 'one'], { NAMESPACE: 'Not/a.name' }],
    [['kubernetes'], { NAMESPACE: '-' }],
  ])('does not understand %j with %j: 2', async (args, environment) => {
    const { code, said, warned } = await run(args, environment);
    expect({ code, said }).toEqual({ code: 2, said: '' });
    expect(warned).not.toBe('');
  });

  it('says how it is used', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, warned: '' });
    expect((await run(['-h'])).said).toContain('files <directory>');
  });
});
