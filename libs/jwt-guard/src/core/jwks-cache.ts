/** An issuer's key set as it was fetched. */
export interface KeptKeySet {
  readonly keySet: unknown;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly fetchedAt: number;
}

/**
 * Keeps the last good key set of an issuer where it outlives the process – in a file, say –, so that a service can start
 * while the issuer is away. Whoever can write there can add keys, and so sign tokens.
 */
export interface JwksCache {
  /** What was written last, if anything was. */
  read(): Promise<KeptKeySet | undefined>;
  write(kept: KeptKeySet): Promise<void>;
}
