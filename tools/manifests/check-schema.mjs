// Says what Kubernetes would refuse of manifests, without a cluster: reads a JSON array of them, writes an array of
// problems for each. Two descriptions of the API together: @kubernetes/client-node knows every field of the versions that
// are served today, kubernetes-models what is required, the formats (quantities) and the values that are allowed.
// A program of its own as both are ESM alone.
import * as models from '@kubernetes/client-node/dist/gen/models/ObjectSerializer.js';
import { readFileSync } from 'node:fs';
import { CUSTOM_RESOURCES } from './custom-resources.mjs';

const manifests = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(await Promise.all(manifests.map(problemsOf))));

async function problemsOf(manifest) {
  const { apiVersion, kind } = manifest ?? {};
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return ['has no apiVersion or no kind'];
  const custom = CUSTOM_RESOURCES[`${apiVersion} ${kind}`];
  if (custom) return customProblems(manifest, custom);
  const version = apiVersion.split('/').at(-1);
  const type = `${version[0].toUpperCase()}${version.slice(1)}${kind}`;
  const Model = (await import(`kubernetes-models/${apiVersion}`).catch(() => ({})))[kind];
  if (!Model || !models[type]) return [`${apiVersion} ${kind} is not served by Kubernetes`];
  return [...unknownFields(manifest, type, ''), ...invalidValues(new Model(manifest))];
}

/** What isn't in the type, and what is of another. */
function unknownFields(value, type, path) {
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  if (list) return eachOf(value, path, Array.isArray(value), 'a list', list);
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (map) return eachOf(value, path, isObject(value), 'a map', map);
  if (['any', 'object'].includes(type)) return [];
  const primitive = { string: ['string'], Date: ['string'], number: ['number'], boolean: ['boolean'] }[type];
  if (primitive) return primitive.includes(typeof value) ? [] : [`${path} must be a ${type}`];
  if (type === 'IntOrString') {
    return typeof value === 'number' || typeof value === 'string' ? [] : [`${path} must be a number or a string`];
  }
  const attributes = models[type].getAttributeTypeMap();
  if (!isObject(value)) return [`${path} must be an object`];
  return Object.entries(value).flatMap(([name, field]) => {
    const attribute = attributes.find(({ baseName }) => baseName === name);
    return attribute ? unknownFields(field, attribute.type, `${path}/${name}`) : [`${path}/${name} is unknown`];
  });
}

function eachOf(value, path, fits, what, type) {
  if (!fits) return [`${path} must be ${what}`];
  return Object.entries(value).flatMap(([key, item]) => unknownFields(item, type, `${path}/${key}`));
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalidValues(model) {
  try {
    model.validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

function customProblems({ apiVersion, kind, metadata, spec, ...others }, schema) {
  const { error } = schema.safeParse(spec);
  return [
    ...Object.keys(others).map((name) => `/${name} is unknown`),
    ...unknownFields(metadata, 'V1ObjectMeta', '/metadata'),
    ...(error?.issues ?? []).map(({ path, message }) => `${['/spec', ...path].join('/')}: ${message}`),
  ];
}
