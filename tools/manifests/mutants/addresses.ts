import { at, configured, noVariable, otherVariable, type Row, without } from './change';

export const addresses: readonly Row[] = [
  ['another name', configured('AUTH_URL', 'https://auht:3001'), /by AUTH_URL to https:\/\/auht:3001, where auth isn't/],
  ['another port', configured('AUTH_URL', 'https://auth:3002'), /gateway leads by AUTH_URL/],
  ['another service', otherVariable('gateway', 'RESOURCE_URL', 'https://audit:3003'), /gateway leads by RESOURCE_URL/],
  ['a port for HTTP', otherVariable('resource', 'AUDIT_URL', 'tls://audit:3003'), /resource leads by AUDIT_URL/],
  ['a Service that is gone', without('Service', 'audit'), /resource leads by AUDIT_URL/],
  ['a Service at another port', at('Service', 'resource', 'spec/ports/0/port', 3003), /gateway leads by RESOURCE_URL/],
  [
    'one that may not be called',
    (system) => {
      at('NetworkPolicy', 'gateway', 'spec/egress', [])(system);
      at('NetworkPolicy', 'resource', 'spec/ingress', [])(system);
    },
    /gateway may not call resource/,
  ],
  [
    'clients that may not call',
    otherVariable('audit', 'TLS_CLIENTS', 'resource,gateway'),
    /audit takes calls of resource,gateway/,
  ],
  [
    'no client of those that call',
    otherVariable('auth', 'TLS_CLIENTS', 'gateway,audit'),
    /auth takes calls of gateway,audit/,
  ],
  ['anybody for a client', noVariable('resource', 'TLS_CLIENTS'), /resource takes calls of anybody/],
  ['itself alone', configured('HOST', '127.0.0.1'), /auth is reached from inside its own pod alone/],
  ['itself by default', configured('HOST'), /auth is reached from inside its own pod alone/],
  ['another mode', configured('NODE_ENV', 'development'), /auth is not told that it runs in production/],
];
