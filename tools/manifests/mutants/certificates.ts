import { at, inProduction, type Row, without } from './change';

const of = (path: string, value?: unknown) => inProduction('certificates.yaml', at('Certificate', 'auth', path, value));
const ofCa = (path: string, value?: unknown) =>
  inProduction('certificates.yaml', at('Certificate', 'token-relay-ca', path, value));

export const certificates: readonly Row[] = [
  ['for servers alone', of('spec/usages', ['digital signature', 'server auth']), /auth is not for client auth/],
  ['for more', of('spec/usages/3', 'cert sign'), /auth is not for client auth, digital signature, server auth/],
  ['for any usage', of('spec/usages'), /auth is not for/],
  ['renewed too early', of('spec/renewBefore', '1081h'), /auth is renewed all the time/],
  ['renewed by chance', of('spec/renewBefore'), /auth does not say when it is renewed/],
  ['of an issuer that is not there', of('spec/issuerRef/name', 'other'), /signed by other, which isn't there/],
  [
    'of an issuer of the cluster',
    of('spec/issuerRef/kind', 'ClusterIssuer'),
    /signed by token-relay, which isn't there/,
  ],
  ['of itself', of('spec/issuerRef/name', 'self-signed'), /auth is signed by no CA/],
  ['for another name', of('spec/commonName', 'gateway'), /auth calls itself otherwise/],
  ['in another Secret', of('spec/secretName', 'auth-cert'), /auth is where nobody mounts it/],
  ['for another host', of('spec/dnsNames/1', 'auth.default'), /auth is for other names/],
  ['for hosts besides', of('spec/dnsNames/4', '*.token-relay.svc'), /auth is for other names/],
  ['for an address', of('spec/ipAddresses', ['10.0.0.1']), /auth is for other addresses/],
  ['for nobody', inProduction('certificates.yaml', without('Service', 'auth')), /auth is for nobody/],
  ['with another key', of('spec/privateKey/algorithm', 'RSA'), /auth has a key of another kind/],
  ['with its key for ever', of('spec/privateKey/rotationPolicy', 'Never'), /auth keeps its key/],
  ['a CA', of('spec/isCA', true), /auth is a CA that another one signs/],
  ['a CA that changes its key', ofCa('spec/privateKey/rotationPolicy', 'Always'), /a CA that changes its key/],
  ['a CA in another Secret', ofCa('spec/secretName', 'ca'), /Issuer token-relay has a CA that nobody makes/],
  ['a CA for months', ofCa('spec/duration'), /token-relay-ca is a CA that ends before what it signs/],
];
