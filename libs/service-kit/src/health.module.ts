import { Controller, type DynamicModule, Get, Inject, Module, type Provider } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { ProblemException } from './problem-exception';

/** What has to hold before a service can answer: a name and a look, each. */
export type ReadinessChecks = Readonly<Record<string, () => boolean>>;

const SERVICE = Symbol('service-name');
const CHECKS = Symbol('readiness-checks');

@Controller()
class HealthController {
  constructor(
    @Inject(SERVICE) private readonly service: string,
    @Inject(CHECKS) private readonly checks: ReadinessChecks,
  ) {}

  @Public('Probes have no token; the answer holds a name and "ok".')
  @Get('healthz')
  healthz() {
    return { service: this.service, status: 'ok' };
  }

  @Public('Probes have no token; the answer names checks and no more.')
  @Get('readyz')
  readyz() {
    const failing = Object.entries(this.checks).filter(([, holds]) => !holds());
    if (failing.length === 0) return { service: this.service, status: 'ready' };
    const names = failing.map(([name]) => name);
    throw new ProblemException(503, 'not_ready', `Not ready yet: ${names.join(', ')}.`, { failing: names });
  }
}

/** `/healthz`: the process runs. `/readyz`: it can answer; else 503 and the names of what is missing. */
@Module({})
export class HealthModule {
  static forRoot(
    service: string,
    checks: Pick<Extract<Provider, { useFactory: unknown }>, 'inject' | 'useFactory'>,
  ): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: SERVICE, useValue: service },
        { provide: CHECKS, ...checks },
      ],
    };
  }
}
