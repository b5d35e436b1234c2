import { type LoggerService } from '@nestjs/common';
import { type TokenVerifier } from '../core/token-verifier';
import { type CensusRow } from './census/policy-census';

type Log = Required<Pick<LoggerService, 'warn'>>;

/**
 * Whether what the handlers of late events ask for is what the issuers keep their revocations for: waits for the first
 * keys, with which that comes, no longer than the issuers may take to answer.
 *
 * @throws Error naming what is asked for beyond that
 */
export async function checkLateHandlers(
  handlers: readonly CensusRow[],
  verifier: Pick<TokenVerifier, 'loadKeys' | 'lateHandlingSeconds'>,
  log: Log,
): Promise<void> {
  const late = handlers.filter(({ acceptLateSeconds }) => acceptLateSeconds !== undefined);
  if (late.length === 0) return;
  await verifier.loadKeys();
  const beyond: string[] = [];
  for (const [issuer, horizon] of verifier.lateHandlingSeconds) {
    if (horizon === undefined) {
      log.warn(
        `What is handled late is refused, as ${issuer} has not announced yet (late_handling_seconds) how late it may be`,
      );
    }
    for (const { handler, acceptLateSeconds = 0 } of late) {
      if (acceptLateSeconds <= (horizon ?? Infinity)) continue;
      beyond.push(`${handler ?? ''}: ${acceptLateSeconds} s, of which ${issuer} allows ${horizon}`);
    }
  }
  if (beyond.length === 0) return;
  throw new Error(
    ['@AcceptLate asks for more than an issuer announces (late_handling_seconds):', ...beyond].join('\n  '),
  );
}
