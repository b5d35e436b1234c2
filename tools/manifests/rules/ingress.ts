import { backendsOf, type System } from '../system';

/** For the host that users see alone; from there on it is TLS again, with the gateway's certificate verified. */
export function ingress(system: System): string[] {
  const namespace = system.of('Namespace')[0]?.metadata.name ?? '';
  const issuer = system.named('ConfigMap', 'token-relay')?.data?.ISSUER ?? '';
  return system.of('Ingress').flatMap((one) => {
    const { metadata, spec } = one;
    const [backend, ...others] = backendsOf(one);
    const { name = '', port } = backend?.service ?? {};
    const isThere = system.named('Service', name)?.spec.ports?.some((given) => given.name === port?.name);
    const hosts = spec.rules?.map(({ host }) => host) ?? [];
    const faults: string[] = [];
    if (!isThere) faults.push("leads to a port that isn't there");
    if (others.length > 0 || name !== 'gateway') faults.push('leads to others than the gateway');
    if (hosts.join() !== (URL.canParse(issuer) ? new URL(issuer).host : '')) faults.push('answers to another host');
    if (spec.tls?.length !== 1 || spec.tls[0]?.hosts?.join() !== hosts.join() || !spec.tls[0].secretName) {
      faults.push('has no certificate for its host');
    }
    // cert-manager makes it.
    const made = system.of('Certificate').map((certificate) => certificate.spec.secretName);
    if (made.includes(spec.tls?.[0]?.secretName ?? '')) faults.push('writes over a certificate of the hops inside');
    if (!spec.ingressClassName) faults.push('is of no class');
    const paths = spec.rules?.flatMap(({ http }) => http?.paths ?? []) ?? [];
    if (!paths.every(({ path, pathType }) => path === '/' && pathType === 'Prefix')) faults.push('leads a part alone');
    return [...faults, ...annotations(metadata.annotations ?? {}, name, namespace)].map(
      (fault) => `Ingress ${metadata.name} ${fault}`,
    );
  });
}

const NGINX = 'nginx.ingress.kubernetes.io';

/** Who signs the certificate that browsers see: one of them, which is up to the site. */
const ISSUERS = ['cert-manager.io/issuer', 'cert-manager.io/cluster-issuer'];

/** Streams and WebSockets last. */
const LONG = [`${NGINX}/proxy-read-timeout`, `${NGINX}/proxy-send-timeout`];

function annotations(given: Readonly<Record<string, string>>, service: string, namespace: string): string[] {
  const expected: Readonly<Record<string, string>> = {
    [`${NGINX}/backend-protocol`]: 'HTTPS',
    [`${NGINX}/proxy-ssl-secret`]: `${namespace}/${service}-tls`,
    [`${NGINX}/proxy-ssl-verify`]: 'on',
    [`${NGINX}/proxy-ssl-name`]: service,
    [`${NGINX}/proxy-ssl-server-name`]: 'on',
    [`${NGINX}/proxy-buffering`]: 'off',
  };
  return [
    ...Object.entries(expected)
      .filter(([name, value]) => given[name] !== value)
      .map(([name, value]) => `does not have ${name}: ${value}`),
    ...Object.keys(given)
      .filter((name) => expected[name] === undefined && ![...ISSUERS, ...LONG].includes(name))
      .map((name) => `has ${name}, which no rule looks at`),
    ...LONG.filter((name) => !(Number(given[name]) >= 3600)).map((name) => `ends streams by ${name}`),
    ...(ISSUERS.filter((name) => given[name]).length === 1 ? [] : ['has a certificate that nobody signs']),
  ];
}
