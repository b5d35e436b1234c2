import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { describeWithKustomize, kustomize } from './manifests/kustomize';
import { MUTANTS } from './manifests/mutants';
import { type Change } from './manifests/mutants/change';
import { WRONG_CUSTOM, WRONG_SCHEMAS } from './manifests/mutants/schema';
import { OTHER_WAYS } from './manifests/mutants/ways';
import { problemsOf, RULES } from './manifests/rules';
import { openWays } from './manifests/rules/network';
import { schemaProblems } from './manifests/schema';
import { secretValuesIn } from './manifests/secret-values';
import { type Manifest, selects, System } from './manifests/system';
import { appliedFrom, imagesOf, readWorkspace, sourcesIn, type Workspace } from './manifests/workspace';

const ROOT = resolve(__dirname, '..');
const base = appliedFrom('k8s');
const mutated = (manifests: readonly Manifest[], change: Change): System => {
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
    `${name} → kube-system/k8s-app=kube-dns:53/UDP`,
    `${name} → kube-system/k8s-app=kube-dns:53`,
    `monitoring/app.kubernetes.io/name=prometheus → ${name}:9464`,
  ]),
];
const TO_API_SERVER = [443, 6443, 8443, 16443].map((port) => `bootstrap → anywhere:${port}`);
const FROM_ANYWHERE = 'anywhere → gateway:3000';

/** Each of its kind and its name. */
const inventory = (system: System): string[] =>
  system.all.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
const SERVICES = ['auth', 'audit', 'resource', 'gateway'];
const PARTS = [
  'Namespace token-relay',
  'ConfigMap token-relay',
  ...['default-deny', 'dns', 'metrics', 'bootstrap'].map((name) => `NetworkPolicy ${name}`),
  ...['ServiceAccount bootstrap', 'Role bootstrap', 'RoleBinding bootstrap', 'Job bootstrap-0-1-0'],
  ...['NetworkPolicy', 'Service', 'Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'].flatMap((kind) =>
    SERVICES.map((name) => `${kind} ${name}`),
  ),
];
const store = (name: string): string[] =>
  ['NetworkPolicy', 'Service', 'PersistentVolumeClaim', 'StatefulSet'].map((kind) => `${kind} ${name}`);

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
    expect([...openWays(base)].sort()).toEqual([...WAYS, ...TO_API_SERVER, FROM_ANYWHERE].sort());
  });

  it('holds every part that a system has, and nothing else', () => {
    expect(inventory(base)).toEqual([...PARTS, ...store('redis'), ...store('records')].sort());
  });

  it('starts two pods of each service at least', () => {
    expect(base.of('HorizontalPodAutoscaler').map(({ spec }) => spec.minReplicas)).toEqual([2, 2, 2, 2]);
  });
});

describe('k8s/monitoring', () => {
  const monitoring = appliedFrom('k8s/monitoring');

  it('is what the operators take', () => {
    expect(schemaProblems(monitoring.all).flat()).toEqual([]);
    expect(monitoring.all.map(({ kind }) => kind)).toEqual(['PodMonitor', 'PrometheusRule']);
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

  it('hold no Secret with a value, and neither does any other YAML or JSON of the repository', () => {
    const names = ['*.yaml', '*.yml', '*.json'];
    const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...names], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    // One that was removed is listed until that is committed.
    const files = tracked.split('\n').filter((path) => path !== '' && existsSync(join(ROOT, path)));
    expect(files.length).toBeGreaterThan(60);
    const found = files.map((path) => [path, ...secretValuesIn(readFileSync(join(ROOT, path), 'utf8'))].join(' '));
    expect(found).toEqual(files);
  });
});

describe('a Secret with a value', () => {
  const [A_SECRET, MADE] = ['is a Secret with a value', 'makes a Secret'];

  it.each([
    ['plain', 'kind: Secret\ndata: { a: Yg== }', A_SECRET],
    ['with quotes', '"kind": "Secret"\nstringData:\n  a: b', A_SECRET],
    ['with a comment', 'kind: Secret # for now\ndata: { a: Yg== }', A_SECRET],
    ['as a second document', 'kind: Pod\n---\nkind: Secret\ndata: { a: Yg== }', A_SECRET],
    ['in a list', 'kind: List\nitems:\n  - kind: Secret\n    data: { a: Yg== }', A_SECRET],
    ['as JSON', '{"kind":"Secret","data":{"a":"Yg=="}}', A_SECRET],
    ['by an anchor', 'x: &secret { kind: Secret }\ny:\n  <<: *secret\n  data: { a: Yg== }', A_SECRET],
    ['as a patch', 'patches:\n  - patch: |-\n      kind: Secret\n      data: { a: Yg== }', A_SECRET],
    ['as what kustomize makes', 'secretGenerator:\n  - name: auth\n    literals: [a=b]', MADE],
    ['in what is no YAML', 'kind: Secret\n data: {', 'can not be read'],
  ])('is seen %s', (_title, text, found) => {
    expect(secretValuesIn(text)).toEqual([found]);
  });

  it.each([
    ['a volume', 'kind: Pod\nspec: { volumes: [{ secret: { secretName: auth } }] }'],
    ['a reference', 'issuerRef: { kind: Secret, name: auth }'],
    ['a comment', 'kind: Pod # no\n# kind: Secret\n# data: { a: Yg== }'],
  ])('is not seen in %s', (_title, text) => {
    expect(secretValuesIn(text)).toEqual([]);
  });
});

describeWithKustomize()('what kustomize makes', () => {
  it('of deploy/base is what stands in k8s/', () => {
    const rendered = System.parse(kustomize('deploy/base'));
    const byName = ({ all }: System) => Object.fromEntries(all.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
    expect(byName(rendered)).toEqual(byName(base));
  });

  it('of overlays/local keeps the rules, with demo accounts, and one pod each', () => {
    const local = System.parse(kustomize('deploy/overlays/local'));
    expect(schemaProblems(local.all).flat()).toEqual([]);
    expect(problemsOf(local, workspace)).toEqual([]);
    expect(inventory(local)).toEqual(inventory(base));
    expect([...openWays(local)].sort()).toEqual([...openWays(base)].sort());
    expect(local.of('HorizontalPodAutoscaler').map(({ spec }) => [spec.minReplicas, spec.maxReplicas])).toEqual(
      Array(4).fill([1, 1]),
    );
  });

  it('of overlays/production keeps the rules, with three pods each, certificates by cert-manager, and no Redis for auth', () => {
    const production = System.parse(kustomize('deploy/overlays/production'));
    const images = imagesOf('deploy/overlays/production');
    expect(schemaProblems(production.all).flat()).toEqual([]);
    expect(problemsOf(production, { ...workspace, images })).toEqual([]);
    expect(production.of('HorizontalPodAutoscaler').map(({ spec }) => spec.minReplicas)).toEqual([3, 3, 3, 3]);
    const issued = [...SERVICES, 'records', 'token-relay-ca'].map((name) => `Certificate ${name}`);
    const issuers = ['Issuer self-signed', 'Issuer token-relay'];
    expect(inventory(production)).toEqual(
      [...PARTS, ...store('records'), ...issued, ...issuers, 'Ingress gateway'].sort(),
    );
    expect(production.of('Ingress').map(({ spec }) => spec.rules?.[0]?.host)).toEqual(['relay.example.com']);
  });

  it('of overlays/production lets only the ingress controller in, and out to the one Redis and the API server', () => {
    const production = System.parse(kustomize('deploy/overlays/production'));
    const ways = WAYS.map((way) => (way === 'auth → redis:6379' ? 'auth → 10.20.0.0/24:6379' : way));
    const toApiServer = ['10.96.0.1/32', '10.30.0.0/28'].flatMap((address) =>
      [443, 6443].map((port) => `bootstrap → ${address}:${port}`),
    );
    expect([...openWays(production)].sort()).toEqual(
      [...ways, ...toApiServer, 'ingress-nginx/* → gateway:3000'].sort(),
    );
  });
});

describe('the check', () => {
  it('refuses what Kubernetes refuses, and its operators', () => {
    const certificates = System.parse(readFileSync(join(ROOT, 'deploy/overlays/production/certificates.yaml'), 'utf8'));
    const all = [...base.all, ...certificates.all, ...appliedFrom('k8s/monitoring').all];
    const wrong = [...WRONG_SCHEMAS, ...WRONG_CUSTOM];
    const manifests = wrong.map(({ kind, name, change }) => {
      const manifest = structuredClone(all.find((one) => one.kind === kind && one.metadata.name === name));
      if (!manifest) throw new Error(`${kind} ${name} isn't there`);
      change(manifest);
      return manifest;
    });
    const problems = schemaProblems(manifests);
    wrong.forEach(({ refusal }, index) => expect(problems[index]?.join('; ')).toMatch(refusal));
  });

  it('has a mutant for every rule', () => {
    expect(Object.keys(MUTANTS)).toEqual(Object.keys(RULES));
  });

  describe.each(Object.entries(MUTANTS))('sees by %s', (rule, rows) => {
    it.each(rows)('%s', (_title, change, refusal) => {
      expect(RULES[rule]?.(mutated(base.all, change), workspace).join('; ')).toMatch(refusal);
    });
  });

  it.each(OTHER_WAYS)('sees that others may speak: $title', ({ change, more, fewer }) => {
    const [before, after] = [openWays(base), openWays(mutated(base.all, change))];
    expect(after.filter((way) => !before.includes(way)).sort()).toEqual([...more].sort());
    expect(before.filter((way) => !after.includes(way)).sort()).toEqual([...fewer].sort());
  });

  it('knows which names are secrets', () => {
    expect([...workspace.secretNames].sort()).toEqual([
      'AUDIT_CLIENT_SECRET',
      'GATEWAY_CLIENT_SECRET',
      'KEY_DECRYPTION_KEYS',
      'KEY_ENCRYPTION_KEY',
      'RECORDS_URL',
      'REDIS_URL',
      'RESOURCE_CLIENT_SECRET',
    ]);
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
