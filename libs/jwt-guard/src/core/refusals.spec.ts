import { OUTAGES, REJECTIONS, TokenRejected, VerifierUnavailable } from './refusals';

describe('the table of refusals', () => {
  it('has texts that error_description can hold (RFC 6750, section 3)', () => {
    for (const { text } of [...Object.values(REJECTIONS), ...Object.values(OUTAGES)]) {
      expect(text).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    }
  });

  it('has a Bearer error for every rejection but those without a token, and those that are about none', () => {
    const without = Object.entries(REJECTIONS).filter(([, row]) => row.error === undefined);
    expect(without.map(([code]) => code)).toEqual(['token_missing', 'origin_not_allowed']);
  });

  it('pairs each Bearer error with its status', () => {
    const statuses = { invalid_request: 400, invalid_token: 401, insufficient_scope: 403 };
    for (const { status, error } of Object.values(REJECTIONS)) {
      if (error) expect(status).toBe(statuses[error]);
    }
  });

  it('never calls an outage a 4xx', () => {
    for (const { status } of Object.values(OUTAGES)) expect(status).toBeGreaterThanOrEqual(500);
  });
});

describe('a refusal', () => {
  it('of a token has no stack, so that a flood of bad ones costs none, and leaves other errors theirs', () => {
    expect(new TokenRejected('signature_invalid').stack).not.toMatch(/^ +at /m);
    expect(new VerifierUnavailable('keys_unavailable').stack).toMatch(/^ +at /m);
    expect(new Error('other').stack).toMatch(/^ +at /m);
  });
});
