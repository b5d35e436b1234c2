import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { describeWithKustomize, kustomize } from './manifests/kustomize';
import { CLOSED_WAYS, type Mutant, MUTANTS, OPEN_WAYS, WRONG_SCHEMAS } from './manifests/mutants';
import { problemsOf, RULES } from './manifests/rules';
import { openWays } from './manifests/rules/network';
import { schemaProblems } from './manifests/schema';
import { type Manifest, selects, System } from './manifests/system';
import { imagesOf, readWorkspace, sourcesIn, type Workspace } from './manifests/workspace';

const ROOT = resolve(__dirname, '..');
const applied = (folder: string): string =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'))
    .join('---\n');

const base = System.parse(applied('k8s'));
const mutated = (manifests: readonly Manifest[], change: Mutant['change']): System => {
  const system = new System(structuredClone(manifests));
  return change(system) ?? system;
};

/** Who may speak to whom, in full. */
const WAYS = [
  'gateway → resource:3002',
  'gateway → auth:3001',
  'resource → audit:4003',
  'resource → auth:3001',
  'audit → auth:3001',
  'auth → redis:6379',
  'resource → records:6379',
  'audit → records:6379',
  ...['gateway', 'resource', 'audit', 'auth'].flatMap((name) => [
    `${name} → dns:53/UDP`,
    `${name} → dns:53`,
    `prometheus → ${name}:9464`,
  ]),
];
const TO_API_SERVER = ['ingress:443', 'stranger:443', 'redis-network:443', 'internet:443', 'internet:6443'].map(
  (to) => `bootstrap → ${to}`,
);
const FROM_ANYWHERE = ['prometheus', 'ingress', 'stranger', 'dns', 'redis-network', 'internet'].map(
  (from) => `${from} → gateway:3000`,
);

let workspace: Workspace;
beforeAll(async () => {
  workspace = await readWorkspace();
});

describe('k8s/', () => {
  it('is rendered from deploy/', () => {
    const { status, stderr } = spawnSync('node', ['tools/render-k8s.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('holds nothing that `kubectl apply -f k8s` would stumble over', () => {
    const files = readdirSync(join(ROOT, 'k8s'));
    expect(files.filter((name) => !/^\d\d-[a-z-]+\.yaml$/.test(name))).toEqual(['README.md', 'monitoring']);
    // kubectl goes by the names of files, and a namespace has to be there before what is in it.
    expect(files[0]).toBe('00-namespace.yaml');
    expect(base.all[0]?.kind).toBe('Namespace');
  });

  it('is what Kubernetes takes', () => {
    expect(schemaProblems(base.all).flat()).toEqual([]);
  });

  it('keeps every rule', () => {
    expect(problemsOf(base, workspace)).toEqual([]);
  });

  it('lets those speak to each other that have to, and nobody else', () => {
    expect([...openWays(base)].sort()).toEqual([...WAYS, ...TO_API_SERVER, ...FROM_ANYWHERE].sort());
  });

  it('holds every part that a system has', () => {
    const workloads = base.workloads.map(({ kind, name }) => `${kind} ${name}`).sort();
    expect(workloads).toEqual([
      'Deployment audit',
      'Deployment auth',
      'Deployment gateway',
      'Deployment resource',
      'Job bootstrap-0-1-0',
      'StatefulSet records',
      'StatefulSet redis',
    ]);
    for (const kind of ['HorizontalPodAutoscaler', 'PodDisruptionBudget'] as const) {
      expect(base.of(kind).map(({ metadata }) => metadata.name)).toEqual(['auth', 'audit', 'resource', 'gateway']);
    }
    expect(base.of('HorizontalPodAutoscaler').every(({ spec }) => (spec.minReplicas ?? 1) >= 2)).toBe(true);
  });

  it.each([
    ['redis', 'once it is on its disk', 'always'],
    ['records', 'a second before it is on its disk, at most', 'everysec'],
  ])(
    'has %s, which confirms %s, forgets nothing, and speaks TLS with those who have a certificate',
    (name, _, fsync) => {
      const { args = [] } = base.named('StatefulSet', name)?.spec.template.spec?.containers[0] ?? {};
      for (const setting of [
        '--appendonly yes',
        `--appendfsync ${fsync}`,
        '--maxmemory-policy noeviction',
        '--port 0',
        '--tls-port 6379',
        '--tls-auth-clients yes',
        `--aclfile /run/secrets/${name}/users.acl`,
      ]) {
        expect(args.join(' ')).toContain(setting);
      }
    },
  );

  it('says who may call whom by the names in their certificates', () => {
    const clients = (name: string) =>
      base
        .named('Deployment', name)
        ?.spec.template.spec?.containers[0]?.env?.find((variable) => variable.name === 'TLS_CLIENTS')?.value;
    expect(['auth', 'resource', 'audit', 'gateway'].map(clients)).toEqual([
      'gateway,resource,audit',
      'gateway',
      'resource',
      undefined,
    ]);
  });
});

describe('k8s/monitoring', () => {
  const monitoring = System.parse(applied('k8s/monitoring'));

  it('is what the operators take', () => {
    expect(schemaProblems(monitoring.all).flat()).toEqual([]);
    expect(monitoring.all.map(({ kind }) => kind)).toEqual(['PodMonitor', 'PrometheusRule']);
  });

  it('is refused with a field that the operators do not know', () => {
    const [monitor, rule] = structuredClone(monitoring.all);
    Object.assign(monitor?.spec ?? {}, { podMetricEndpoints: [] });
    Object.assign(rule?.spec ?? {}, { groups: {} });
    expect(schemaProblems([monitor, rule].filter((one) => one !== undefined))).toEqual([
      ['/spec/podMetricEndpoints is unknown, or of another type'],
      ['/spec/groups is unknown, or of another type'],
    ]);
  });

  it('has the alerts that Prometheus has without an operator', () => {
    const { groups } = parse(readFileSync(join(ROOT, 'deploy/monitoring/alerts.yaml'), 'utf8')) as { groups: unknown };
    expect(monitoring.of('PrometheusRule').map(({ spec }) => spec.groups)).toEqual([groups]);
  });

  it('scrapes the four services, at the port that tells, by the labels that the alerts ask for', () => {
    const [spec] = monitoring.of('PodMonitor').map((monitor) => monitor.spec);
    const scraped = base.workloads.filter(({ labels }) => selects(spec?.selector, labels));
    expect(scraped.map(({ name }) => name)).toEqual(['auth', 'audit', 'resource', 'gateway']);
    for (const { container, labels } of scraped) {
      expect(container.ports?.map(({ name }) => name)).toContain(spec?.podMetricsEndpoints[0]?.port);
      expect(labels[spec?.jobLabel ?? '']).toBe('token-relay');
    }
    expect(spec?.podMetricsEndpoints[0]?.relabelings).toEqual([
      { sourceLabels: ['__meta_kubernetes_pod_label_app_kubernetes_io_name'], targetLabel: 'component' },
    ]);
    const alerts = readFileSync(join(ROOT, 'deploy/monitoring/alerts.yaml'), 'utf8');
    const asked = new Set([...alerts.matchAll(/up\{job="([^"]*)"/g)].map(([, job]) => job));
    expect([...asked]).toEqual(['token-relay']);
  });
});

describe('the sources in deploy/', () => {
  it('leave the versions of images to kustomization.yaml', () => {
    const named = sourcesIn('deploy/base').flatMap(({ text }) => [...text.matchAll(/^\s+(?:- )?image: (\S+)$/gm)]);
    expect(named.length).toBeGreaterThan(5);
    expect(named.map(([, image = '']) => image).filter((image) => /[:@]/.test(image))).toEqual([]);
  });

  it('hold no Secret, and neither does any other YAML of the repository', () => {
    const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.yaml', '*.yml'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    // One that was removed is listed until that is committed.
    const files = tracked.split('\n').filter((path) => path !== '' && existsSync(join(ROOT, path)));
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((path) => /^\s*kind: Secret$/m.test(readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });
});

describeWithKustomize()('what kustomize makes', () => {
  it('of deploy/base is what stands in k8s/', () => {
    const rendered = System.parse(kustomize('deploy/base'));
    const byName = ({ all }: System) => Object.fromEntries(all.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
    expect(byName(rendered)).toEqual(byName(base));
  });

  it('of overlays/local keeps the rules, with demo accounts, one pod each, and images from nowhere else', () => {
    const local = System.parse(kustomize('deploy/overlays/local'));
    expect(schemaProblems(local.all).flat()).toEqual([]);
    expect(problemsOf(local, workspace)).toEqual([]);
    expect([...openWays(local)].sort()).toEqual([...openWays(base)].sort());
    expect(local.of('HorizontalPodAutoscaler').map(({ spec }) => [spec.minReplicas, spec.maxReplicas])).toEqual(
      Array(4).fill([1, 1]),
    );
    const own = local.workloads.filter(({ container }) => container.image?.startsWith('token-relay/'));
    expect(own.map(({ container }) => container.imagePullPolicy)).toEqual(Array(5).fill('Never'));
  });

  it('of overlays/production keeps the rules, with three pods each, certificates by cert-manager, and no Redis for auth', () => {
    const production = System.parse(kustomize('deploy/overlays/production'));
    const images = imagesOf('deploy/overlays/production');
    expect(schemaProblems(production.all).flat()).toEqual([]);
    expect(problemsOf(production, { ...workspace, images })).toEqual([]);
    expect(production.of('HorizontalPodAutoscaler').map(({ spec }) => spec.minReplicas)).toEqual([3, 3, 3, 3]);
    expect(production.all.filter(({ metadata }) => metadata.name === 'redis')).toEqual([]);
    expect(production.of('Ingress').map(({ spec }) => [spec.rules?.[0]?.host, spec.tls?.[0]?.hosts])).toEqual([
      ['relay.example.com', ['relay.example.com']],
    ]);
    const certificates = production.of('Certificate').filter(({ spec }) => !spec.isCA);
    for (const { metadata, spec } of certificates) {
      const local = ['', '.token-relay', '.token-relay.svc', '.token-relay.svc.cluster.local'];
      expect(spec.secretName).toBe(`${metadata.name}-tls`);
      expect(spec.commonName).toBe(metadata.name);
      expect(spec.dnsNames).toEqual(expect.arrayContaining(local.map((rest) => metadata.name + rest)));
    }
  });

  it('of overlays/production lets only the ingress controller in, and auth out to the one Redis', () => {
    const production = System.parse(kustomize('deploy/overlays/production'));
    const ways = WAYS.map((way) => (way === 'auth → redis:6379' ? 'auth → redis-network:6379' : way));
    expect([...openWays(production)].sort()).toEqual([...ways, ...TO_API_SERVER, 'ingress → gateway:3000'].sort());
  });
});

describe('the check', () => {
  it('refuses what Kubernetes refuses', () => {
    const manifests = WRONG_SCHEMAS.map(({ kind, name, change }) => {
      const manifest = structuredClone(base.all.find((one) => one.kind === kind && one.metadata.name === name));
      if (!manifest) throw new Error(`${kind} ${name} isn't there`);
      change(manifest);
      return manifest;
    });
    const problems = schemaProblems(manifests);
    WRONG_SCHEMAS.forEach(({ refusal }, index) => expect(problems[index]?.join('; ')).toMatch(refusal));
  });

  it.each(MUTANTS)('$rule: $title', ({ rule, change, refusal }) => {
    const system = mutated(base.all, change);
    const found = RULES[rule]?.(system, workspace).join('; ');
    expect(found).toMatch(refusal);
  });

  it('has a mutant for every rule', () => {
    expect([...new Set(MUTANTS.map(({ rule }) => rule))].sort()).toEqual(Object.keys(RULES).sort());
  });

  it.each(OPEN_WAYS)('sees a way that is open: $title', ({ change, ways }) => {
    const before = openWays(base);
    const more = openWays(mutated(base.all, change)).filter((way) => !before.includes(way));
    expect(more).toEqual(expect.arrayContaining([...ways]));
  });

  it.each(CLOSED_WAYS)('sees a way that is closed: $title', ({ change, ways }) => {
    const after = openWays(mutated(base.all, change));
    expect(openWays(base).filter((way) => !after.includes(way))).toEqual(ways);
  });
});

describe('render-k8s', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'render-k8s-'));
    for (const folder of ['deploy', 'k8s']) cpSync(join(ROOT, folder), join(root, folder), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const render = (...parameters: string[]) =>
    spawnSync('node', [join(__dirname, 'render-k8s.mjs'), root, ...parameters], { encoding: 'utf8' });
  const edit = (path: string, change: (text: string) => string): void =>
    writeFileSync(join(root, path), change(readFileSync(join(root, path), 'utf8')));

  it('finds what was edited by hand, is missing, or is rendered from nothing, and mends it', () => {
    edit('k8s/06-auth.yaml', (text) => text.replace('minReplicas: 2', 'minReplicas: 1'));
    rmSync(join(root, 'k8s/monitoring/pod-monitor.yaml'));
    writeFileSync(join(root, 'k8s/99-more.yaml'), 'kind: Pod\n');
    const { status, stderr } = render('--check');
    expect(status).toBe(1);
    expect(stderr.trim().split('\n').sort()).toEqual([
      'k8s/06-auth.yaml is not what it is rendered from: npm run k8s',
      'k8s/99-more.yaml is rendered from nothing: npm run k8s',
      'k8s/monitoring/pod-monitor.yaml is not what it is rendered from: npm run k8s',
    ]);
    expect(render().status).toBe(0);
    expect(render('--check')).toMatchObject({ status: 0, stderr: '' });
  });

  it('carries a change of an image, and of an alert, to where they are applied', () => {
    edit('deploy/base/kustomization.yaml', (text) => text.replaceAll('newTag: 0.1.0', 'newTag: 0.2.0'));
    edit('deploy/monitoring/alerts.yaml', (text) => text.replace(/alert: .*/, 'alert: Other'));
    expect(render().status).toBe(0);
    expect(readFileSync(join(root, 'k8s/09-gateway.yaml'), 'utf8')).toContain('image: token-relay/gateway:0.2.0\n');
    expect(readFileSync(join(root, 'k8s/monitoring/prometheus-rule.yaml'), 'utf8')).toContain('alert: Other\n');
  });

  it.each([
    ['an image that has no version', '    newTag: 7.4-bookworm\n', '', 'names no version of redis'],
    ['an image that is not named', '  - name: redis\n    newTag: 7.4-bookworm\n', '', 'names no image redis'],
    ['what only kustomize can do', 'images:', 'namePrefix: other-\nimages:', 'has namePrefix'],
  ])('fails on %s', (_title, before, after, message) => {
    edit('deploy/base/kustomization.yaml', (text) => text.replace(before, after));
    const { status, stderr } = render();
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });
});
