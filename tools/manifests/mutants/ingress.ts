import { at, inProduction, type Row } from './change';

const of = (path: string, value?: unknown) =>
  inProduction('ingress.yaml', (system) => {
    // As the site says it.
    at('ConfigMap', 'token-relay', 'data/ISSUER', 'https://relay.example.com')(system);
    at('Ingress', 'gateway', 'spec/ingressClassName', 'nginx')(system);
    at('Ingress', 'gateway', 'metadata/annotations/cert-manager.io~1cluster-issuer', 'letsencrypt')(system);
    at('Ingress', 'gateway', 'spec/rules/0/host', 'relay.example.com')(system);
    at('Ingress', 'gateway', 'spec/tls/0/hosts', ['relay.example.com'])(system);
    if (path) at('Ingress', 'gateway', path, value)(system);
    return system;
  });
const annotation = (name: string, value?: string) =>
  of(`metadata/annotations/nginx.ingress.kubernetes.io~1${name}`, value);

export const ingress: readonly Row[] = [
  ['in clear', annotation('backend-protocol'), /does not have \S+\/backend-protocol: HTTPS/],
  ['not verified', annotation('proxy-ssl-verify', 'off'), /does not have \S+\/proxy-ssl-verify: on/],
  ['verified by another CA', annotation('proxy-ssl-secret', 'default/x'), /proxy-ssl-secret: token-relay\/gateway-tls/],
  ['verified for another name', annotation('proxy-ssl-name', 'auth'), /does not have \S+\/proxy-ssl-name: gateway/],
  ['without a name', annotation('proxy-ssl-server-name'), /does not have \S+\/proxy-ssl-server-name: on/],
  ['with a configuration', annotation('configuration-snippet', 'x'), /configuration-snippet, which no rule looks at/],
  [
    'to a port that is not there',
    of('spec/rules/0/http/paths/0/backend/service/port/name', 'http'),
    /port that isn't there/,
  ],
  ['past the gateway', of('spec/rules/0/http/paths/0/backend/service/name', 'auth'), /others than the gateway/],
  ['at another host', of('spec/rules/0/host', 'example.com'), /answers to another host/],
  ['at any host', of('spec/rules/0/host'), /answers to another host/],
  ['without a certificate', of('spec/tls'), /has no certificate for its host/],
  ['with a certificate of another', of('spec/tls/0/hosts', ['example.com']), /has no certificate for its host/],
  ['of no class', of('spec/ingressClassName'), /is of no class/],
  ['with a buffer', annotation('proxy-buffering', 'on'), /does not have \S+\/proxy-buffering: off/],
  ['for a minute', annotation('proxy-read-timeout', '60'), /ends streams by \S+\/proxy-read-timeout/],
  ['for no time', annotation('proxy-send-timeout'), /ends streams by \S+\/proxy-send-timeout/],
  ['of nobody', of('metadata/annotations/cert-manager.io~1cluster-issuer'), /has a certificate that nobody signs/],
  ['for a part', of('spec/rules/0/http/paths/0/path', '/api'), /leads a part alone/],
  ['for one path', of('spec/rules/0/http/paths/0/pathType', 'Exact'), /leads a part alone/],
];
