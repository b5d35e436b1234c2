import { type Bench } from '../harness/part';
import { serve, type Served } from '../harness/served';
import { haproxyBefore } from './haproxy';
import { startGateway, type Surroundings } from './our-gateway';

/** Who stands between the client and the service. */
export interface Contender {
  /** As it is asked for on the command line. */
  readonly name: string;
  /** As it is called in the results. */
  readonly label: string;
  /** Whether it verifies tokens, and so refuses those that are none. */
  readonly verifies: boolean;
  /** What the service gets: the caller's own token, one for the service, or none. */
  readonly passesOn: 'own' | 'exchanged' | 'none';
  readonly ours?: boolean;
  readonly needs?: 'haproxy' | 'node 22.15';
  /** Whether the regression check measures it. */
  readonly isChecked?: boolean;
  /** Whether it is asked with one token only. */
  readonly oneToken?: boolean;
  start(bench: Bench, label: string, around: Surroundings): Promise<Served>;
}

const proxy =
  (file: string, name: string): Contender['start'] =>
  (bench, label, { upstream }) =>
    serve(bench, { label, module: `gateway/${file}`, name, setting: { upstream } });

export const BARE = 'Fastify + undici, no auth';
export const EXCHANGE = 'our gateway, exchange';
export const TRANSACTION = 'our gateway, transaction';
export const JWT_VERIFY = 'HAProxy jwt_verify';
export const JWT_VERIFY_ONE = `${JWT_VERIFY}, the same token each time`;
export const HAPROXY = 'HAProxy, no auth';

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'exchange',
    label: EXCHANGE,
    verifies: true,
    passesOn: 'exchanged',
    ours: true,
    isChecked: true,
    start: (bench, label, around) => startGateway(bench, label, around, 'exchange'),
  },
  {
    name: 'transaction',
    label: TRANSACTION,
    verifies: true,
    passesOn: 'exchanged',
    ours: true,
    start: (bench, label, around) => startGateway(bench, label, around, 'transaction'),
  },
  {
    name: 'forward',
    label: 'our gateway, forward',
    verifies: true,
    passesOn: 'own',
    ours: true,
    start: (bench, label, around) => startGateway(bench, label, around, 'forward'),
  },
  {
    name: 'none',
    label: 'our gateway, none',
    verifies: true,
    passesOn: 'none',
    ours: true,
    start: (bench, label, around) => startGateway(bench, label, around, 'none'),
  },
  {
    name: 'bare',
    label: BARE,
    verifies: false,
    passesOn: 'own',
    isChecked: true,
    start: proxy('fastify-proxies', 'bare'),
  },
  {
    name: 'bare-with-log',
    label: 'the same with a request log',
    verifies: false,
    passesOn: 'own',
    start: proxy('fastify-proxies', 'bareWithLog'),
  },
  {
    name: 'fastify-http-proxy',
    label: '@fastify/http-proxy, no auth',
    verifies: false,
    passesOn: 'own',
    start: proxy('fastify-proxies', 'fastifyHttpProxy'),
  },
  {
    name: 'http-proxy-middleware',
    label: 'http-proxy-middleware, no auth',
    verifies: false,
    passesOn: 'own',
    needs: 'node 22.15',
    start: proxy('express-proxy', 'httpProxyMiddleware'),
  },
  {
    name: 'jwt-verify',
    label: JWT_VERIFY,
    verifies: true,
    passesOn: 'own',
    needs: 'haproxy',
    start: (_bench, label, around) => haproxyBefore(label, around, true),
  },
  {
    name: 'jwt-verify-one-token',
    label: JWT_VERIFY_ONE,
    verifies: true,
    passesOn: 'own',
    needs: 'haproxy',
    oneToken: true,
    start: (_bench, label, around) => haproxyBefore(label, around, true),
  },
  {
    name: 'haproxy',
    label: HAPROXY,
    verifies: false,
    passesOn: 'own',
    needs: 'haproxy',
    start: (_bench, label, around) => haproxyBefore(label, around, false),
  },
];
