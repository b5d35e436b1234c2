import { OUTAGE_CODES, REJECTION_CODES, type VerificationEvent, type VerifierObserver } from '@token-relay/jwt-guard';
import { type Registry } from 'prom-client';
import { Counts, Distribution } from './counts';

const NO_CODE = 'none';
/** From a token that is remembered, in a microsecond, to one whose key has to be fetched. */
const SECONDS = [1e-6, 2e-6, 5e-6, 1e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 5e-2, 0.25, 1, 3];
/** Verifiers take 8 KiB. */
const BYTES = [256, 512, 1024, 2048, 4096, 8192];

/** What became of the tokens that were judged, and what that has cost. */
export function verificationMetrics(registry: Registry): Required<Pick<VerifierObserver, 'verified'>> {
  const verifications = new Counts<string>(
    registry,
    { name: 'token_relay_verifications_total', help: 'Tokens that were judged, by what became of them.' },
    new Map([
      [NO_CODE, { result: 'accepted', code: NO_CODE }],
      ...REJECTION_CODES.map((code) => [code, { result: 'rejected', code }] as const),
      ...OUTAGE_CODES.map((code) => [code, { result: 'undecided', code }] as const),
    ]),
  );
  const hits = new Counts<'hit'>(
    registry,
    {
      name: 'token_relay_verdict_cache_hits_total',
      help: 'Tokens of which it was known that their signature is good.',
    },
    new Map([['hit', {}]]),
  );
  const seconds = new Distribution(
    registry,
    { name: 'token_relay_verification_duration_seconds', help: 'Time that it took to judge a token.' },
    SECONDS,
    [{ cached: 'false' }, { cached: 'true' }],
  );
  const bytes = new Distribution(
    registry,
    { name: 'token_relay_token_bytes', help: 'Length of the tokens that were judged.' },
    BYTES,
  );
  return {
    verified({ code, cached, durationSeconds, tokenBytes }: VerificationEvent): void {
      verifications.add(code ?? NO_CODE);
      if (cached) hits.add('hit');
      seconds.add(durationSeconds, cached ? 1 : 0);
      bytes.add(tokenBytes);
    },
  };
}
