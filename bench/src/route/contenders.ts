import { type Bench } from '../harness/part';
import { serve, type Served } from '../harness/served';
import { type FastifyJwtSetting } from './fastify-jwt';
import { hasHaproxy } from '../harness/haproxy';
import { haproxyAnswer } from './haproxy-answer';
import { type Trusted } from './trusted';

export interface RouteContender {
  /** As it is called in the results. */
  readonly label: string;
  readonly framework: 'Fastify' | 'Express' | 'none';
  /** Whether it looks at the token that all are sent; `mixed` where one in `COLD_EVERY` comes for the first time. */
  readonly tokens: 'none' | 'warm' | 'mixed';
  /** Whether a target of the regression check needs it. */
  readonly check?: boolean;
  /** Whether it is this project's. */
  readonly ours?: boolean;
  start(bench: Bench, label: string, trusted: Trusted): Promise<Served>;
}

/** 3 % of all requests come with a token that has not been seen before. */
export const COLD_EVERY = 33;

export const FASTIFY = {
  unguarded: 'Fastify: no guard',
  warm: 'Fastify: JwtGuard, warm',
  passport: 'Fastify: passport-jwt + jwks-rsa',
};
export const EXPRESS = { unguarded: 'Express: no guard' };
export const MIXED = { fastify: 'Fastify: JwtGuard, 3 % cold', express: 'Express: JwtGuard, 3 % cold' };

const served =
  (module: string, name: string): RouteContender['start'] =>
  (bench, label, setting) =>
    serve(bench, { label, module: `route/${module}`, name, setting });

const fastifyJwt =
  (cache: boolean): RouteContender['start'] =>
  (bench, label, trusted) => {
    const setting: FastifyJwtSetting = { ...trusted, cache };
    return serve(bench, { label, module: 'route/fastify-jwt', name: 'fastifyJwtOnFastify', setting });
  };

const ALL: readonly RouteContender[] = [
  {
    label: FASTIFY.unguarded,
    framework: 'Fastify',
    tokens: 'none',
    check: true,
    start: served('unguarded', 'unguardedOnFastify'),
  },
  {
    label: 'Fastify: a guard that lets all in',
    framework: 'Fastify',
    tokens: 'none',
    start: served('unguarded', 'emptyGuardOnFastify'),
  },
  {
    label: FASTIFY.warm,
    framework: 'Fastify',
    tokens: 'warm',
    check: true,
    ours: true,
    start: served('jwt-guard', 'jwtGuardOnFastify'),
  },
  {
    label: MIXED.fastify,
    framework: 'Fastify',
    tokens: 'mixed',
    ours: true,
    start: served('jwt-guard', 'jwtGuardOnFastify'),
  },
  {
    label: FASTIFY.passport,
    framework: 'Fastify',
    tokens: 'warm',
    check: true,
    start: served('passport-jwt', 'passportJwtOnFastify'),
  },
  { label: 'Fastify: @fastify/jwt', framework: 'Fastify', tokens: 'warm', start: fastifyJwt(false) },
  { label: 'Fastify: @fastify/jwt, with its cache', framework: 'Fastify', tokens: 'warm', start: fastifyJwt(true) },
  {
    label: EXPRESS.unguarded,
    framework: 'Express',
    tokens: 'none',
    start: served('unguarded', 'unguardedOnExpress'),
  },
  {
    label: 'Express: a guard that lets all in',
    framework: 'Express',
    tokens: 'none',
    start: served('unguarded', 'emptyGuardOnExpress'),
  },
  {
    label: 'Express: JwtGuard, warm',
    framework: 'Express',
    tokens: 'warm',
    ours: true,
    start: served('jwt-guard', 'jwtGuardOnExpress'),
  },
  {
    label: MIXED.express,
    framework: 'Express',
    tokens: 'mixed',
    ours: true,
    start: served('jwt-guard', 'jwtGuardOnExpress'),
  },
  {
    label: 'Express: passport-jwt + jwks-rsa',
    framework: 'Express',
    tokens: 'warm',
    start: served('passport-jwt', 'passportJwtOnExpress'),
  },
  {
    label: 'Express: express-oauth2-jwt-bearer',
    framework: 'Express',
    tokens: 'warm',
    start: served('express-oauth2-jwt-bearer', 'oauth2BearerOnExpress'),
  },
  {
    label: 'node:http, one fixed answer',
    framework: 'none',
    tokens: 'none',
    start: served('static-answer', 'staticAnswer'),
  },
];

const HAPROXY: RouteContender = {
  label: 'HAProxy, one fixed answer',
  framework: 'none',
  tokens: 'none',
  start: (_bench, label) => haproxyAnswer(label),
};

/** @returns those that are measured, and what has to be said of those that aren't */
export function contendersFor(bench: Bench): {
  readonly contenders: readonly RouteContender[];
  readonly missing: readonly string[];
} {
  if (bench.check) return { contenders: ALL.filter(({ check }) => check), missing: [] };
  if (hasHaproxy) return { contenders: [...ALL, HAPROXY], missing: [] };
  return { contenders: ALL, missing: ['HAProxy is not installed: what wrk can do at most was not measured.'] };
}
