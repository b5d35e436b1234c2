// Writes k8s/, for `kubectl apply -f k8s`, from deploy/base: the same files with the names of the images put in, and
// numbered, since kubectl goes by the names of files. And the PrometheusRule, from Prometheus' own deploy/monitoring/alerts.yaml.
// With --check it only says which files are out of date. Takes another root than this workspace's as its argument, for
// its test. kustomize would do the same, and leave out every comment: tools/manifests.spec.ts compares the two.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as prettier from 'prettier';
import { parse, stringify } from 'yaml';

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
const root = resolve(positionals[0] ?? join(import.meta.dirname, '..'));

const BASE = 'deploy/base';
const ALERTS = 'deploy/monitoring/alerts.yaml';
const MONITORING = 'deploy/monitoring-crds';
const RULE = `${MONITORING}/prometheus-rule.yaml`;

const files = { ...base(), ...(await monitoring()) };
for (const [path, text] of Object.entries(files)) {
  if (existsSync(join(root, path)) && read(path) === text) continue;
  outOfDate(path, 'is not what it is rendered from', () => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  });
}
for (const path of ['k8s', 'k8s/monitoring'].flatMap(manifestsIn).filter((path) => !Object.hasOwn(files, path))) {
  outOfDate(path, 'is rendered from nothing', () => rmSync(join(root, path)));
}

function base() {
  const { resources, images = [], apiVersion, kind, ...others } = parse(read(`${BASE}/kustomization.yaml`));
  // What else kustomize can do isn't done here: it stands in the files themselves.
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw new Error(`${BASE}/kustomization.yaml has ${unknown.join(', ')}, which isn't rendered`);
  const named = new Map(images.map((image) => [image.name, imageName(image)]));
  return Object.fromEntries(
    resources.map((file, index) => [
      `k8s/${String(index).padStart(2, '0')}-${file}`,
      headed(`${BASE}/${file}`, withImages(read(`${BASE}/${file}`), named)),
    ]),
  );
}

function imageName({ name, newName = name, newTag, digest }) {
  if (digest) return `${newName}@${digest}`;
  if (!newTag) throw new Error(`${BASE}/kustomization.yaml names no version of ${name}`);
  return `${newName}:${newTag}`;
}

function withImages(text, named) {
  return text.replace(/^(\s+(?:- )?image: )(\S+)$/gm, (_line, key, name) => {
    if (!named.has(name)) throw new Error(`${BASE}/kustomization.yaml names no image ${name}`);
    return key + named.get(name);
  });
}

async function monitoring() {
  const rule = await prometheusRule();
  const { resources } = parse(read(`${MONITORING}/kustomization.yaml`));
  const rendered = resources.map((file) => {
    const path = `${MONITORING}/${file}`;
    return [`k8s/monitoring/${file}`, path === RULE ? rule : headed(path, read(path))];
  });
  return { [RULE]: rule, ...Object.fromEntries(rendered) };
}

async function prometheusRule() {
  const text = stringify({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: 'token-relay',
      namespace: 'token-relay',
      labels: { 'app.kubernetes.io/name': 'token-relay', 'app.kubernetes.io/part-of': 'token-relay' },
    },
    spec: { groups: parse(read(ALERTS)).groups },
  });
  const config = await prettier.resolveConfig(import.meta.filename);
  return prettier.format(headed(ALERTS, text), { ...config, parser: 'yaml' });
}

function headed(source, text) {
  return `# Rendered from ${source} by \`npm run k8s\`: change that file, not this one.\n${text}`;
}

function manifestsIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder)).filter((name) => /\.(ya?ml|json)$/.test(name));
  return names.map((name) => `${folder}/${name}`);
}

function outOfDate(path, fault, mend) {
  if (values.check) {
    console.error(`${path} ${fault}: npm run k8s`);
    process.exitCode = 1;
  } else {
    mend();
    console.log(`${path} ${existsSync(join(root, path)) ? 'written' : 'removed'}`);
  }
}

function read(path) {
  return readFileSync(join(root, path), 'utf8');
}
