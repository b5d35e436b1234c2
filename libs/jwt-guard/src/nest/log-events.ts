import { type LoggerService } from '@nestjs/common';
import { clockSkewWarning } from '../core/clock-skew';
import { revocationWarning } from '../core/follow-revocation';
import {
  type ClockSkewEvent,
  type JwksFetchEvent,
  type RevocationFailureEvent,
  type VerificationEvent,
  type VerifierObserver,
} from '../core/observer';

type Log = Required<Pick<LoggerService, 'log' | 'warn'>>;

/** Logs what an operator has to know of a verifier, and passes everything on to the app's own observer. */
export function logEvents(log: Log, observer: VerifierObserver | undefined): VerifierObserver {
  const failing = new Set<string>();
  const undecided = new Set<string>();
  return {
    verified(event: VerificationEvent): void {
      const { outcome, code, detail } = event;
      // Once, until a token is accepted again: what can't be decided can't be for every request.
      if (outcome === 'accepted') {
        // Of an empty set, too, V8 makes a new one.
        if (undecided.size > 0) undecided.clear();
      } else if (outcome === 'undecided' && code && !undecided.has(code)) {
        undecided.add(code);
        log.warn(`Tokens can not be judged: ${code}${detail === undefined ? '' : ` (${detail})`}`);
      }
      return observer?.verified?.(event);
    },
    jwksFetched(event: JwksFetchEvent): void {
      const { issuer, outcome, reason, keys } = event;
      // Not each failure: while the issuer is away there is one every two seconds.
      if (outcome === 'failed' && !failing.has(issuer)) {
        failing.add(issuer);
        log.warn(`The keys of ${issuer} can not be fetched (${keys} known): ${reason}`);
      } else if (outcome !== 'failed' && failing.delete(issuer)) {
        log.log(`The keys of ${issuer} can be fetched again (${keys})`);
      }
      return observer?.jwksFetched?.(event);
    },
    clockSkewed(event: ClockSkewEvent): void {
      log.warn(clockSkewWarning(event));
      return observer?.clockSkewed?.(event);
    },
    revocationFailed(event: RevocationFailureEvent): void {
      log.warn(revocationWarning(event.reason));
      return observer?.revocationFailed?.(event);
    },
  };
}
