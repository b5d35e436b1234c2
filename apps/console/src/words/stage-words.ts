interface StageWords {
  readonly name: string;
  readonly asks: string;
}

/** The stages of a verification in their order, each as the question that it answers. */
const STAGES: Readonly<Record<string, StageWords>> = {
  decode: { name: 'Read', asks: 'Is this a signed JWT, and of an algorithm that is allowed?' },
  select_issuer: { name: 'Issuer', asks: 'Who says to have issued it, and are they trusted here?' },
  resolve_key: { name: 'Key', asks: 'Which of the issuer’s keys does it name, and does that key still count?' },
  verify_signature: { name: 'Signature', asks: 'Has that key signed exactly these words?' },
  validate_claims: { name: 'Claims', asks: 'Is it for this service, for now, and for access?' },
  check_revocation: { name: 'Revocation', asks: 'Was it, or its session, ended before its time?' },
};

export function stageWords(stage: string): StageWords {
  const known = Object.hasOwn(STAGES, stage) ? STAGES[stage] : undefined;
  return known ?? { name: stage.replaceAll('_', ' '), asks: '' };
}

const CHECKS: Readonly<Record<string, string>> = {
  size: 'how large it is',
  form: 'its form',
  alg: 'the algorithm (alg)',
  parameters: 'header parameters that aren’t allowed',
  kid: 'the key’s id (kid)',
  iss: 'the issuer (iss)',
  typ: 'the type (typ)',
  key_revocation: 'whether the key was revoked',
  keys: 'the issuer’s keys',
  signature: 'the signature',
  kind: 'what it is for',
  sub: 'the user (sub)',
  exp: 'when it expires (exp)',
  iat: 'when it was issued (iat)',
  nbf: 'from when it counts (nbf)',
  lifetime: 'how long it lives',
  aud: 'the audience (aud)',
  scope: 'the scopes (scope)',
  roles: 'the roles',
  client_id: 'the client (client_id)',
  jti: 'the token’s own id (jti)',
  sid: 'the session (sid)',
  txn: 'the transaction (txn)',
  act: 'who acts for the user (act)',
  revocation: 'whether it was revoked',
  revocation_age: 'how old that knowledge is',
};

export function checkWords(check: string): string {
  return Object.hasOwn(CHECKS, check) ? (CHECKS[check] ?? check) : check;
}

export const OUTCOME_WORDS = { passed: 'passed', failed: 'failed', skipped: 'not reached' } as const;
export const OUTCOME_SIGNS = { passed: '✓', failed: '✗', skipped: '–' } as const;

export const VERDICT_WORDS = {
  accepted: 'Accepted',
  rejected: 'Rejected',
  undecided: 'Not decided',
} as const;
