import { Inject, Injectable } from '@nestjs/common';
import { type Principal, TokenRejected } from '@token-relay/jwt-guard';
import { type Client } from '../clients/client-registry';
import { type FormParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { OwnTokens } from './own-tokens';
import { ACCESS_TOKEN, SELF_SIGNED, TRANSACTION_TOKEN, UNSIGNED_JSON } from './token-types';

/** What is said of types that somebody could expect to be taken. */
const REFUSED_TYPES: Readonly<Record<string, string>> = {
  [TRANSACTION_TOKEN]: 'A transaction token is never replaced: it is passed on as it is.',
  [SELF_SIGNED]: 'Who the subject is is taken from an access token, and not from what the client signs itself.',
  [UNSIGNED_JSON]: 'Who the subject is is taken from an access token, and not from what the client says.',
};

/** The tokens that clients bring, to get others for them: access tokens of this issuer that are meant for the client. */
@Injectable()
export class SubjectTokens {
  constructor(@Inject(OwnTokens) private readonly ownTokens: OwnTokens) {}

  /**
   * For whom the subject token speaks; whether for this client, `admit` says.
   *
   * @throws OAuthError `invalid_request`: for a bad token too (RFC 8693, section 2.2.2)
   * @throws StoreUnavailable, VerifierUnavailable
   */
  async verify(client: Client, { subject_token: token, subject_token_type: type }: FormParameters): Promise<Principal> {
    if (type !== ACCESS_TOKEN) {
      const description = Object.hasOwn(REFUSED_TYPES, type ?? '') ? REFUSED_TYPES[type ?? ''] : undefined;
      throw new OAuthError('invalid_request', description ?? `The subject_token_type must be ${ACCESS_TOKEN}.`);
    }
    if (token === undefined) throw new OAuthError('invalid_request', 'The parameter subject_token is missing.');
    return refusedAsSubject(() => this.ownTokens.verifyFor(client, token));
  }

  /**
   * Whether this client may exchange it: there is time left, it was issued here, and it lets the client act.
   *
   * @throws OAuthError `invalid_request`
   * @throws StoreUnavailable
   */
  async admit(client: Client, subject: Principal): Promise<void> {
    // Within the clocks' tolerance it counts as valid, but there is no time left to give.
    if (subject.expiresAt * 1000 < Date.now() + 1000) throw refused('token_expired');
    if (!(await this.ownTokens.wasMinted(subject))) throw refused('jti_never_issued');
    if (!mayAct(client, subject)) throw refused('may_act names another');
  }

  /**
   * Whether it still counts: what would be given out for one that was revoked meanwhile was refused everywhere.
   *
   * @throws OAuthError `invalid_request`
   * @throws VerifierUnavailable
   */
  async recheck(subject: Principal): Promise<void> {
    await refusedAsSubject(() => this.ownTokens.recheck(subject));
  }
}

/** Runs it, and tells of a token that is refused what a token endpoint does. */
async function refusedAsSubject<Result>(run: () => Result): Promise<Awaited<Result>> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof TokenRejected ? refused(error.code) : error;
  }
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_request', `The subject token is refused: ${reason}.`);
}

/**
 * Whether the subject lets the client act for it (RFC 8693, section 4.4). What is said of the actor in other words than
 * these can't be judged, and is for nobody.
 */
function mayAct(client: Client, { issuer, claims }: Principal): boolean {
  const { may_act: allowed } = claims;
  if (allowed === undefined) return true;
  if (typeof allowed !== 'object' || allowed === null) return false;
  const { sub, iss = issuer, ...others } = allowed as Readonly<Record<string, unknown>>;
  return sub === client.id && iss === issuer && Object.keys(others).length === 0;
}
