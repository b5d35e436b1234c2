import { type RevocationCopyOptions, type RevocationObserver } from './revocation-copy';

export interface RevocationFeedOptions extends RevocationCopyOptions {
  /** Where the issuer's feed is: `https://…/revocations/feed`. */
  readonly url: string;
  /** This service, as the issuer knows it, and the secret that they share. It needs the scope `revocations:read`. */
  readonly client: { readonly id: string; readonly secret: string };
  /**
   * Takes a `url` without TLS: the client's secret crosses the network in clear, and whoever is on the network between
   * can keep revocations from this service. Default: false.
   */
  readonly dangerouslyAllowHttp?: boolean;
  /** Is told when the feed is lost, and when it is followed again. Default: nobody is. */
  readonly observer?: RevocationObserver;
}

/** @throws TypeError naming the option that is missing or makes no sense */
export function resolveFeedOptions(options: RevocationFeedOptions) {
  const { issuer, client, dangerouslyAllowHttp = false, observer, now, monotonic } = options ?? {};
  if (typeof issuer !== 'string' || issuer === '') throw new TypeError('issuer: required, a string');
  const url = URL.canParse(String(options.url)) ? new URL(String(options.url)) : undefined;
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && dangerouslyAllowHttp)) {
    throw new TypeError('url: must be an https URL (or dangerouslyAllowHttp be set)');
  }
  if (url.username || url.password) throw new TypeError('url: must hold no credentials; there is client for them');
  for (const name of ['id', 'secret'] as const) {
    const value: unknown = client?.[name];
    if (typeof value !== 'string' || value === '') throw new TypeError(`client.${name}: required, a string`);
  }
  for (const [name, clock] of Object.entries({ now, monotonic })) {
    if (clock !== undefined && typeof clock !== 'function') throw new TypeError(`${name}: must be a function`);
  }
  return Object.freeze({
    issuer,
    url,
    client: Object.freeze({ id: client.id, secret: client.secret }),
    observer,
    ...(now && { now }),
    ...(monotonic && { monotonic }),
  });
}
