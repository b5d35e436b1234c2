import { type Manifest } from '../system';
import { set } from './change';

/** A change that no cluster would take. */
export interface WrongSchema {
  readonly kind: string;
  readonly name: string;
  readonly change: (manifest: Manifest) => void;
  readonly refusal: RegExp;
}

function wrong([kind, name, path, value, refusal]: readonly unknown[]): WrongSchema {
  return {
    kind: kind as string,
    name: name as string,
    change: (manifest) => set(manifest, path as string, value),
    refusal: refusal as RegExp,
  };
}

const CONTAINER = 'spec/template/spec/containers/0';

export const WRONG_SCHEMAS: readonly WrongSchema[] = [
  ['Deployment', 'auth', 'spec/replicaz', 2, /\/spec\/replicaz is unknown/],
  ['Deployment', 'auth', `${CONTAINER}/livenessProbe/httpGet/pth`, '/x', /httpGet\/pth is unknown/],
  ['Deployment', 'auth', `${CONTAINER}/ports/0/containerPort`, '3001', /containerPort must be a number/],
  ['Deployment', 'auth', `${CONTAINER}/env/0/value`, 1, /env\/0\/value must be a string/],
  ['Deployment', 'auth', `${CONTAINER}/args`, 'one', /args must be a list/],
  ['Deployment', 'auth', `${CONTAINER}/resources/limits/memory`, '384MiB', /must match format "quantity"/],
  ['Deployment', 'auth', `${CONTAINER}/imagePullPolicy`, 'Sometimes', /must be equal to one of the allowed values/],
  ['Deployment', 'auth', `${CONTAINER}/name`, undefined, /must have required property name/],
  ['Deployment', 'auth', 'spec/selector', undefined, /must have required property selector/],
  ['Deployment', 'auth', 'metadata/labels', ['auth'], /metadata\/labels must be a map/],
  ['Deployment', 'auth', 'apiVersion', 'extensions/v1beta1', /is not served by Kubernetes/],
  ['Deployment', 'auth', 'apiVersion', 'apps/v3', /is not served by Kubernetes/],
  ['Deployment', 'auth', 'kind', 'Deploiment', /is not served by Kubernetes/],
  ['Deployment', 'auth', 'apiVersion', undefined, /has no apiVersion/],
  ['HorizontalPodAutoscaler', 'auth', 'apiVersion', 'autoscaling/v2beta2', /is not served by Kubernetes/],
  ['HorizontalPodAutoscaler', 'auth', 'spec/maxReplicas', undefined, /must have required property maxReplicas/],
  ['PodDisruptionBudget', 'auth', 'apiVersion', 'policy/v1beta1', /is not served by Kubernetes/],
  ['ConfigMap', 'token-relay', 'data/METRICS_PORT', 9464, /data\/METRICS_PORT must be a string/],
  ['NetworkPolicy', 'auth', 'spec/ingress/0/form', [], /ingress\/0\/form is unknown/],
].map(wrong);

/** The same of what operators take. */
export const WRONG_CUSTOM: readonly WrongSchema[] = [
  ['Certificate', 'auth', 'spec/dnsName', 'auth', /\/spec: Unrecognized key: "dnsName"/],
  ['Certificate', 'auth', 'spec/privateKey/algorithim', 'RSA', /\/spec\/privateKey: Unrecognized key: "algorithim"/],
  ['Certificate', 'auth', 'spec/privateKey/size', '256', /\/spec\/privateKey\/size: .* expected number/],
  ['Certificate', 'auth', 'spec/issuerRef/nmae', 'x', /\/spec\/issuerRef: Unrecognized key: "nmae"/],
  ['Certificate', 'auth', 'spec/issuerRef/name', undefined, /\/spec\/issuerRef\/name: .* expected string/],
  ['Certificate', 'auth', 'spec/usages/0', 'server', /\/spec\/usages\/0: Invalid option/],
  ['Certificate', 'auth', 'spec/duration', '90d', /\/spec\/duration: must be a duration/],
  ['Certificate', 'auth', 'spec/ipAddresses', ['localhost'], /\/spec\/ipAddresses\/0: /],
  ['Certificate', 'auth', 'metadata/lables', {}, /\/metadata\/lables is unknown/],
  ['Certificate', 'auth', 'stats', {}, /\/stats is unknown/],
  ['Issuer', 'token-relay', 'spec/ca/secret', 'x', /\/spec\/ca: Unrecognized key: "secret"/],
  ['PodMonitor', 'token-relay', 'spec/podMetricEndpoints', [], /\/spec: Unrecognized key: "podMetricEndpoints"/],
  ['PodMonitor', 'token-relay', 'spec/selector/matchLabls', {}, /\/spec\/selector: Unrecognized key: "matchLabls"/],
  ['PodMonitor', 'token-relay', 'spec/podMetricsEndpoints/0/prt', 'x', /Endpoints\/0: Unrecognized key: "prt"/],
  ['PodMonitor', 'token-relay', 'spec/podMetricsEndpoints/0/interval', '10', /interval: must be a duration/],
  ['PrometheusRule', 'token-relay', 'spec/groups', {}, /\/spec\/groups: .* expected array/],
  ['PrometheusRule', 'token-relay', 'spec/groups/0/rules/0/foor', '1m', /rules\/0: Unrecognized key: "foor"/],
  ['PrometheusRule', 'token-relay', 'spec/groups/0/rules/0/expr', 1, /rules\/0\/expr: .* expected string/],
].map(wrong);
