import { type VerifierObserver } from '@token-relay/jwt-guard';
import { type Registry } from 'prom-client';
import { jwksFetchMetrics } from './jwks-metrics';
import { verificationMetrics } from './verification-metrics';

/** Counts and measures what a verifier does. */
export function verifierMetrics(registry: Registry): VerifierObserver {
  return { ...verificationMetrics(registry), ...jwksFetchMetrics(registry) };
}
