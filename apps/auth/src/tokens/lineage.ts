import { type Principal } from '@token-relay/jwt-guard';
import { type Lineage } from './token-issuer';

/** What a token that is exchanged for this one carries on. */
export function lineageOf({ tokenId = '', keyId, sessionId, claims }: Principal): Lineage {
  const { origin_jti, origin_kid, origin_iat, via_jti, sub_epoch, auth_time } = claims as Partial<Lineage> & {
    iat: number;
  };
  const marks = {
    ...(sessionId !== undefined && { sid: sessionId }),
    ...(sub_epoch !== undefined && { sub_epoch }),
    ...(auth_time !== undefined && { auth_time }),
  };
  if (origin_jti === undefined || origin_kid === undefined || origin_iat === undefined) {
    return { ...marks, origin_jti: tokenId, origin_kid: keyId, origin_iat: claims.iat as number };
  }
  return { ...marks, origin_jti, origin_kid, origin_iat, via_jti: [...(via_jti ?? []), tokenId] };
}
