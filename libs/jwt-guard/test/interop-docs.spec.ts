import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PROFILES, type ProfileName } from '../src/core/profiles';

type Members = Record<string, unknown>;

const DOCS = resolve(__dirname, '../../../docs');
const page = readFileSync(resolve(DOCS, 'interop.md'), 'utf8');

/** The table of the profiles: its cells by row and profile, each as the names in it. */
const rows = page.split('\n').filter((line) => line.startsWith('| '));
const cells = (row: string) => row.split('|').slice(1, -1);
const head = cells(rows.find((row) => row.includes('`rfc9068`')) ?? '').map((cell) => cell.replace(/[ `]/g, ''));
function cell(row: string, profile: ProfileName): readonly (string | undefined)[] {
  const found = rows.find((line) => line.startsWith(`| ${row}`));
  if (!found) throw new Error(`no row ${row}`);
  const text = (cells(found)[head.indexOf(profile)] ?? '').trim();
  const names = text === '' ? [] : text.split(', ');
  return names.map((name) => (name === 'none' ? undefined : name.replaceAll('`', '')));
}

/** Claims with a value at a path such as `realm_access.roles`, or as `typ: Bearer` says. */
function claim(path: string, value: unknown = 'x'): Members {
  const [name = '', said] = path.split(': ');
  const [outer = '', inner] = name.split('.');
  return inner === undefined ? { [outer]: said ?? value } : { [outer]: { [inner]: value } };
}

const ROLES = ['roles', 'realm_access.roles', 'permissions', 'cognito:groups', 'groups', 'entitlements'];
const COMMON = [
  'events',
  ...['ID', 'Refresh', 'Offline', 'Logout', 'Logout+JWT'].map((type) => `typ: ${type}`),
  'token_use: id',
  'token_use: refresh',
];
const OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

it('has a column for every profile', () => {
  expect(head.slice(1)).toEqual(Object.keys(PROFILES));
});

describe.each(Object.keys(PROFILES) as ProfileName[])("the docs' column %s", (name) => {
  const profile = PROFILES[name];

  it('says which types there may be', () => {
    const types = cell('`typ` of the header', name).flatMap((type) =>
      type === undefined ? [type] : [type.toLowerCase(), `application/${type.toLowerCase()}`],
    );
    expect(new Set(types)).toEqual(profile.types);
  });

  it('says where everything is, in its order, and what may be absent', () => {
    const names = (listed: readonly string[], required: boolean) => [...listed, ...(required ? [] : [undefined])];
    expect(cell('audience', name)).toEqual(names(profile.audience, true));
    expect(cell('client ', name)).toEqual(names(profile.client, profile.clientRequired));
    expect(cell('token id', name)).toEqual(names(profile.tokenId, profile.tokenIdRequired));
    expect(cell('session', name)).toEqual(names(profile.session, false));
    expect(cell('scopes', name)).toEqual(names(profile.scope, false));
  });

  it('says where the roles are', () => {
    const paths = cell('roles', name).filter((path) => path !== undefined);
    for (const [at, path] of paths.entries()) {
      const claims = Object.assign({}, ...paths.slice(at).map((later) => claim(later, [later]))) as Members;
      expect(profile.roles(claims)).toEqual([path]);
    }
    for (const path of ROLES) {
      expect({ path, found: profile.roles(claim(path, ['x'])) !== undefined }).toEqual({
        path,
        found: paths.includes(path),
      });
    }
  });

  it('says what gives other kinds of token away', () => {
    const needed = cell('refused without', name).map((path) => claim(path ?? ''));
    if (needed.length > 0) expect(profile.otherKind({})).toBeDefined();
    const marks = cell('refused with ', name);
    for (const base of needed.length > 0 ? needed : [{}]) {
      expect(profile.otherKind(base)).toBeUndefined();
      for (const mark of [...COMMON, ...OF_ID_TOKENS]) {
        const refused = profile.otherKind({ ...base, ...claim(mark) }) !== undefined;
        expect({ mark, refused }).toEqual({ mark, refused: COMMON.includes(mark) || marks.includes(mark) });
      }
    }
  });

  it('says how long a token may live', () => {
    expect(cell('longest life', name)).toEqual([String(profile.maxLifetimeSeconds)]);
  });
});

it('leads to files that are there', () => {
  const links = [...page.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => resolve(DOCS, link));
  const specs = [...page.matchAll(/`(interop-[\w-]+\.spec\.ts)`/g)].map(([, spec = '']) => resolve(__dirname, spec));
  expect(links.length).toBeGreaterThan(0);
  expect(specs.length).toBeGreaterThan(2);
  expect([...links, ...specs].filter((path) => !existsSync(path))).toEqual([]);
});
