import { parseCompose } from './compose/compose';
import { COMPOSE_MUTANTS } from './compose/mutants';
import { COMPOSE_RULES } from './compose/rules';
import { secondsOf } from './manifests/duration';
import { appliedFrom, read, readWorkspace, type Workspace } from './manifests/workspace';

const base = appliedFrom('k8s');
const compose = parseCompose(read('docker/compose.yaml'));

let workspace: Workspace;
beforeAll(async () => {
  workspace = await readWorkspace();
});

describe('docker/compose.yaml', () => {
  it.each(Object.entries(COMPOSE_RULES))('keeps the rule of %s', (_name, rule) => {
    expect(rule(compose, base, workspace)).toEqual([]);
  });

  it('holds every part that a system has, and monitoring for who asks for it', () => {
    const parts = base.workloads.map(({ kind, name }) => (kind === 'Job' ? 'bootstrap' : name));
    const monitoring = Object.keys(compose.services).filter((name) => compose.services[name]?.profiles);
    expect(monitoring).toEqual(['prometheus', 'grafana']);
    expect(Object.keys(compose.services).sort()).toEqual([...parts, ...monitoring].sort());
  });
});

describe('docker/check-images.sh', () => {
  const script = read('docker/check-images.sh');

  it('looks at the images of this version', () => {
    expect(/^tag=\$\{1:-(.*)\}$/m.exec(script)?.[1]).toBe(workspace.version);
  });

  it('looks at every image that is built here', () => {
    const own = workspace.images.filter((image) => image.startsWith('token-relay/'));
    const apps = /^for app in (.*); do$/m.exec(script)?.[1]?.split(' ') ?? [];
    expect(apps.map((app) => `token-relay/${app}:${workspace.version}`).sort()).toEqual([...own].sort());
  });
});

describe('the check of a compose file', () => {
  it('has a mutant for every rule', () => {
    expect(Object.keys(COMPOSE_MUTANTS)).toEqual(Object.keys(COMPOSE_RULES));
  });

  describe.each(Object.entries(COMPOSE_MUTANTS))('sees by %s', (name, rows) => {
    it.each(rows)('%s', (_title, change, refusal) => {
      const mutated = parseCompose(read('docker/compose.yaml'));
      change(mutated);
      expect(COMPOSE_RULES[name]?.(mutated, base, workspace).join('; ')).toMatch(refusal);
    });
  });

  it('merges anchors, and takes variables at their defaults', () => {
    const text = 'x: &x { image: "a:${TAG:-1.0}", cpus: "${CPUS}" }\nservices:\n  a: { <<: *x, user: "b${C-d}" }';
    expect(parseCompose(text).services).toEqual({ a: { image: 'a:1.0', cpus: '', user: 'bd' } });
  });

  it('reads durations', () => {
    expect(['30s', '1h1m1s', undefined, '90d'].map(secondsOf)).toEqual([30, 3661, 0, Number.NaN]);
  });
});
