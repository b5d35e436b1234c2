// What operators take that have to be installed: the fields that are used here, however deep, and nothing else.
// @kubernetes-models/cert-manager and …/prometheus-operator let fields pass that the operators don't know.
import { z } from 'zod';

/** Of Go: `1h30m`. */
const duration = z.string().regex(/^(\d+[hms])+$/, 'must be a duration, as 1h30m');
/** Of Prometheus: `1m`. */
const interval = z.string().regex(/^(\d+(y|w|d|h|m|s|ms))+$/, 'must be a duration, as 1m');
const texts = z.record(z.string(), z.string());
const name = z.string().min(1);

const issuer = z.strictObject({
  selfSigned: z.strictObject({}).optional(),
  ca: z.strictObject({ secretName: name }).optional(),
});

const certificate = z.strictObject({
  isCA: z.boolean().optional(),
  commonName: z.string().min(1).max(64).optional(),
  secretName: name,
  duration: duration.optional(),
  renewBefore: duration.optional(),
  dnsNames: z.array(name).min(1).optional(),
  ipAddresses: z.array(z.union([z.ipv4(), z.ipv6()])).optional(),
  usages: z
    .array(z.enum(['digital signature', 'key encipherment', 'server auth', 'client auth', 'cert sign']))
    .optional(),
  privateKey: z.strictObject({
    algorithm: z.enum(['RSA', 'ECDSA', 'Ed25519']),
    size: z.int().positive(),
    rotationPolicy: z.enum(['Never', 'Always']),
  }),
  issuerRef: z.strictObject({ name, kind: z.enum(['Issuer', 'ClusterIssuer']) }),
});

const podMonitor = z.strictObject({
  selector: z.strictObject({ matchLabels: texts }),
  jobLabel: name,
  podMetricsEndpoints: z
    .array(
      z.strictObject({
        port: name,
        path: z.string().startsWith('/'),
        interval,
        relabelings: z.array(z.strictObject({ sourceLabels: z.array(name), targetLabel: name })),
      }),
    )
    .min(1),
});

const prometheusRule = z.strictObject({
  groups: z
    .array(
      z.strictObject({
        name,
        rules: z.array(
          z.strictObject({
            alert: name,
            expr: name,
            for: interval.optional(),
            labels: texts,
            annotations: texts,
          }),
        ),
      }),
    )
    .min(1),
});

/** Of `spec`, by version and kind. */
export const CUSTOM_RESOURCES = {
  'cert-manager.io/v1 Issuer': issuer,
  'cert-manager.io/v1 Certificate': certificate,
  'monitoring.coreos.com/v1 PodMonitor': podMonitor,
  'monitoring.coreos.com/v1 PrometheusRule': prometheusRule,
};
