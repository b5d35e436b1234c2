import { Inject, Injectable } from '@nestjs/common';

/** What has to hold before a service can answer: a name and a look, each. */
export type ReadinessChecks = Readonly<Record<string, () => boolean>>;
/** What is told besides by a service that is ready. */
export type ReadinessFields = () => Readonly<Record<string, unknown>>;

export const SERVICE = Symbol('service-name');
export const CHECKS = Symbol('readiness-checks');
export const FIELDS = Symbol('readiness-fields');

/** What a service says of itself to whoever probes it, on its own port and on that for its management. */
@Injectable()
export class Readiness {
  constructor(
    @Inject(SERVICE) private readonly service: string,
    @Inject(CHECKS) private readonly checks: ReadinessChecks,
    @Inject(FIELDS) private readonly fields: ReadinessFields,
  ) {}

  /** The process runs. */
  get alive() {
    return { service: this.service, status: 'ok' };
  }

  /** The names of what doesn't hold; none of a service that can answer. */
  get failing(): readonly string[] {
    return Object.entries(this.checks)
      .filter(([, holds]) => !holds())
      .map(([name]) => name);
  }

  /** What a service says that is ready. */
  get ready() {
    return { service: this.service, status: 'ready', ...this.fields() };
  }
}

/** What a service says that isn't, and why: the detail of `not_ready`. */
export function notReady(failing: readonly string[]): string {
  return `Not ready: ${failing.join(', ')}.`;
}
