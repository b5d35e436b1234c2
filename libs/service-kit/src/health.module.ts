import { Controller, type DynamicModule, Get, Inject, Module, type Provider } from '@nestjs/common';
import { Public, TokenVerifier } from '@token-relay/jwt-guard';
import { ProblemException } from './problem-exception';

/** What has to hold before a service can answer: a name and a look, each. */
export type ReadinessChecks = Readonly<Record<string, () => boolean>>;
/** What is told besides by a service that is ready. */
export type ReadinessFields = () => Readonly<Record<string, unknown>>;

type Factory = Pick<Extract<Provider, { useFactory: unknown }>, 'inject' | 'useFactory'>;

const SERVICE = Symbol('service-name');
const CHECKS = Symbol('readiness-checks');
const FIELDS = Symbol('readiness-fields');

@Controller()
class HealthController {
  constructor(
    @Inject(SERVICE) private readonly service: string,
    @Inject(CHECKS) private readonly checks: ReadinessChecks,
    @Inject(FIELDS) private readonly fields: ReadinessFields,
  ) {}

  @Public('Probes have no token; the answer holds a name and "ok".')
  @Get('healthz')
  healthz() {
    return { service: this.service, status: 'ok' };
  }

  @Public('Probes have no token; the answer names checks and ages, and no more.')
  @Get('readyz')
  readyz() {
    const failing = Object.entries(this.checks).filter(([, holds]) => !holds());
    if (failing.length === 0) return { service: this.service, status: 'ready', ...this.fields() };
    const names = failing.map(([name]) => name);
    throw new ProblemException(503, 'not_ready', `Not ready yet: ${names.join(', ')}.`, { failing: names });
  }
}

/** `/healthz`: the process runs. `/readyz`: it can answer; else 503 and the names of what is missing. */
@Module({})
export class HealthModule {
  /** Of a service that verifies tokens: ready once it has keys, and has heard once what was revoked. */
  static forVerifier(service: string): DynamicModule {
    return this.forRoot(
      service,
      {
        inject: [TokenVerifier],
        useFactory: (verifier: TokenVerifier): ReadinessChecks => ({
          keys: () => verifier.keysReady,
          revocations: () => verifier.revocationReady,
        }),
      },
      {
        inject: [TokenVerifier],
        useFactory:
          (verifier: TokenVerifier): ReadinessFields =>
          () => ({ revocationAgeSeconds: Math.round(verifier.revocationAgeSeconds * 1000) / 1000 }),
      },
    );
  }

  static forRoot(service: string, checks: Factory, fields: Factory = { useFactory: () => () => ({}) }): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: SERVICE, useValue: service },
        { provide: CHECKS, ...checks },
        { provide: FIELDS, ...fields },
      ],
    };
  }
}
