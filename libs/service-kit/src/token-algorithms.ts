/** What auth may sign with, now or after a rotation: what every service takes, bound to the key that is for it. */
export const TOKEN_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;
