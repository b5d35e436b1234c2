import {
  type V1ConfigMap,
  type V1Container,
  type V1Deployment,
  type V1HTTPIngressPath,
  type V1Ingress,
  type V1Job,
  type V1LabelSelector,
  type V1Namespace,
  type V1NetworkPolicy,
  type V1PersistentVolumeClaim,
  type V1PodDisruptionBudget,
  type V1PodSpec,
  type V1Role,
  type V1RoleBinding,
  type V1Secret,
  type V1Service,
  type V1ServiceAccount,
  type V1StatefulSet,
  type V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';

/** What is common to all. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Labels; annotations?: Labels; [other: string]: unknown };
  [other: string]: unknown;
}

export type Labels = Record<string, string>;

interface Kinds {
  ConfigMap: V1ConfigMap;
  Deployment: V1Deployment;
  HorizontalPodAutoscaler: V2HorizontalPodAutoscaler;
  Ingress: V1Ingress;
  Job: V1Job;
  Namespace: V1Namespace;
  NetworkPolicy: V1NetworkPolicy;
  PersistentVolumeClaim: V1PersistentVolumeClaim;
  PodDisruptionBudget: V1PodDisruptionBudget;
  Role: V1Role;
  RoleBinding: V1RoleBinding;
  Secret: V1Secret;
  Service: V1Service;
  ServiceAccount: V1ServiceAccount;
  StatefulSet: V1StatefulSet;
  PodMonitor: {
    spec?: {
      selector: V1LabelSelector;
      jobLabel: string;
      podMetricsEndpoints: { port: string; relabelings: { targetLabel: string; sourceLabels: string[] }[] }[];
    };
  };
  PrometheusRule: { spec?: { groups: unknown } };
  Issuer: { spec?: { selfSigned?: object; ca?: { secretName: string } } };
  Certificate: {
    spec?: {
      isCA?: boolean;
      commonName: string;
      secretName: string;
      duration: string;
      renewBefore?: string;
      dnsNames?: string[];
      ipAddresses?: string[];
      usages?: string[];
      privateKey?: { algorithm: string; size: number; rotationPolicy: string };
      issuerRef: { kind: string; name: string };
    };
  };
}

/** A manifest of a kind. */
export type Whole<Kind extends keyof Kinds> = Kinds[Kind] & {
  metadata: Manifest['metadata'];
  spec: Kinds[Kind] extends { spec?: infer Spec } ? NonNullable<Spec> : undefined;
};

/** Something that makes pods. */
export interface Workload {
  readonly kind: 'Deployment' | 'StatefulSet' | 'Job';
  readonly name: string;
  /** Of its pods, as are the annotations. */
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly pod: V1PodSpec;
  readonly container: V1Container;
  /** Of a Job there is none. */
  readonly selector: V1LabelSelector | undefined;
  readonly replicas: number | undefined;
}

/** All manifests that are applied together. */
export class System {
  constructor(readonly all: readonly Manifest[]) {}

  /** @throws Error where it is no YAML */
  static parse(text: string): System {
    // As Kubernetes reads it: YAML 1.1, where 0440 is octal.
    const documents = parseAllDocuments(text, { version: '1.1' });
    for (const { errors } of documents) if (errors[0]) throw errors[0];
    return new System(documents.map((document) => document.toJS() as Manifest | null).filter((one) => one !== null));
  }

  of<Kind extends keyof Kinds>(kind: Kind): readonly Whole<Kind>[] {
    return this.all.filter((one) => one.kind === kind) as unknown as readonly Whole<Kind>[];
  }

  named<Kind extends keyof Kinds>(kind: Kind, name: string | undefined): Whole<Kind> | undefined {
    return this.of(kind).find(({ metadata }) => metadata.name === name);
  }

  get workloads(): readonly Workload[] {
    return (['Deployment', 'StatefulSet', 'Job'] as const).flatMap((kind) =>
      this.of(kind).map(({ metadata, spec }) => {
        const pod = spec.template.spec;
        const [container, ...others] = pod?.containers ?? [];
        if (!pod || !container || others.length > 0) throw new Error(`${kind} ${metadata.name} has not one container`);
        return {
          kind,
          name: metadata.name,
          labels: spec.template.metadata?.labels ?? {},
          annotations: spec.template.metadata?.annotations ?? {},
          pod,
          container,
          selector: kind === 'Job' ? undefined : spec.selector,
          replicas: 'replicas' in spec ? spec.replicas : undefined,
        };
      }),
    );
  }

  /** Those of our own making: each an app of this workspace. */
  get services(): readonly Workload[] {
    return this.workloads.filter(({ labels }) => labels['app.kubernetes.io/component'] === 'service');
  }
}

/** What the ingress leads to. */
export function backendsOf({ spec }: Whole<'Ingress'>): readonly V1HTTPIngressPath['backend'][] {
  return (spec.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend));
}

/** @throws Error for what isn't used here */
export function selects(selector: V1LabelSelector | undefined, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`matchExpressions with ${operator}`);
      return values.includes(labels[key] ?? '');
    })
  );
}
