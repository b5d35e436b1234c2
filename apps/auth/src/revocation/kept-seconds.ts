const LONGEST_LIFETIME_SECONDS = 900;
/** The most tolerance that a verifier gives to clocks, and as much for clocks that are apart. */
export const MARGIN_SECONDS = 120;
/** How long after it was issued a token may count, whatever lifetime is configured, for who handles nothing late. */
export const LONGEST_TOKEN_SECONDS = LONGEST_LIFETIME_SECONDS + MARGIN_SECONDS;
