import { Gauge, type Registry } from 'prom-client';

const STATES = ['pending', 'active', 'retiring', 'retired', 'compromised'] as const;

/** Signing keys as they are now. */
export interface SigningKeyReport {
  readonly states: readonly (typeof STATES)[number][];
  /** How long the active one has signed. */
  readonly activeSeconds: number;
  /** How long it is to sign. */
  readonly rotationSeconds: number;
  /** Since somebody has last seen that the store has the same keys. */
  readonly unconfirmedSeconds: number;
}

/** The keys that tokens are signed with: how many there are, and whether they rotate. */
export function signingKeyMetrics(registry: Registry, report: () => SigningKeyReport): void {
  const registers = [registry];
  new Gauge({
    name: 'token_relay_signing_keys',
    help: 'Signing keys by their state; verifiers are given those that are pending, active and retiring.',
    labelNames: ['state'],
    registers,
    collect() {
      const { states } = report();
      for (const state of STATES) this.set({ state }, states.filter((one) => one === state).length);
    },
  });
  const gauge = (name: string, help: string, member: Exclude<keyof SigningKeyReport, 'states'>) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(report()[member]);
      },
    });
  gauge('token_relay_signing_key_age_seconds', 'How long the active key has signed.', 'activeSeconds');
  gauge('token_relay_signing_key_rotation_seconds', 'How long a key is to sign, as configured.', 'rotationSeconds');
  gauge(
    'token_relay_key_ring_unconfirmed_seconds',
    'Time since the store was last seen to have the same signing keys; beyond 10 s nothing is signed.',
    'unconfirmedSeconds',
  );
}
