import { Controller, type DynamicModule, Get, Inject, Module, type Provider } from '@nestjs/common';
import { Public, TokenVerifier } from '@token-relay/jwt-guard';
import { Drain } from './drain';
import { ProblemException } from './problem-exception';
import { CHECKS, FIELDS, notReady, Readiness, type ReadinessChecks, type ReadinessFields, SERVICE } from './readiness';

type Factory = Pick<Extract<Provider, { useFactory: unknown }>, 'inject' | 'useFactory'>;

const OWN_CHECKS = Symbol('own-readiness-checks');

@Controller()
class HealthController {
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}

  @Public('Probes have no token; the answer holds a name and "ok".')
  @Get('healthz')
  healthz() {
    return this.readiness.alive;
  }

  @Public('Probes have no token; the answer names checks and ages, and no more.')
  @Get('readyz')
  readyz() {
    const { failing } = this.readiness;
    if (failing.length > 0) throw new ProblemException(503, 'not_ready', notReady(failing), { failing });
    return this.readiness.ready;
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
        { provide: OWN_CHECKS, ...checks },
        {
          provide: CHECKS,
          inject: [OWN_CHECKS, Drain],
          useFactory: (own: ReadinessChecks, drain: Drain): ReadinessChecks => ({
            draining: () => !drain.isDraining,
            ...own,
          }),
        },
        { provide: FIELDS, ...fields },
        Readiness,
      ],
      exports: [Readiness],
    };
  }
}
