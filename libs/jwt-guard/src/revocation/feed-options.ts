import { type ClientAssertion } from '../core/client-assertion';
import { type ClientTlsOption, resolveClientTls } from '../core/client-tls';
import { type RevocationCopyOptions, type RevocationObserver } from './revocation-copy';

export interface RevocationFeedOptions extends RevocationCopyOptions {
  /** Where the issuer's feed is: `https://…/revocations/feed`. */
  readonly url: string;
  /**
   * This service, as the issuer knows it, and the secret that they share, or what makes an assertion for each connection
   * (`private_key_jwt`). It needs the scope `revocations:read`.
   */
  readonly client: FeedClient;
  /**
   * Takes a `url` without TLS: the client's secret crosses the network in clear, and whoever is on the network between
   * can keep revocations from this service. Default: false.
   */
  readonly dangerouslyAllowHttp?: boolean;
  /**
   * What the connection to `url` is secured with: the authorities that are trusted, and a certificate of this service
   * (mutual TLS). A function is asked at each new connection. Default: what Node trusts, and no certificate.
   */
  readonly tls?: ClientTlsOption;
  /** Is told when the feed is lost, and when it is followed again. Default: nobody is. */
  readonly observer?: RevocationObserver;
}

export type FeedClient =
  | { readonly id: string; readonly secret: string; readonly assertion?: undefined }
  | { readonly id: string; readonly secret?: undefined; readonly assertion: ClientAssertion };

/** @throws TypeError naming the option that is missing or makes no sense */
export function resolveFeedOptions(options: RevocationFeedOptions) {
  const { issuer, client, dangerouslyAllowHttp = false, observer, tls, now, monotonic } = options ?? {};
  if (typeof issuer !== 'string' || issuer === '') throw new TypeError('issuer: required, a string');
  const url = URL.canParse(String(options.url)) ? new URL(String(options.url)) : undefined;
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && dangerouslyAllowHttp)) {
    throw new TypeError('url: must be an https URL (or dangerouslyAllowHttp be set)');
  }
  if (url.username || url.password) throw new TypeError('url: must hold no credentials; there is client for them');
  checkClient(client);
  for (const [name, clock] of Object.entries({ now, monotonic })) {
    if (clock !== undefined && typeof clock !== 'function') throw new TypeError(`${name}: must be a function`);
  }
  return Object.freeze({
    issuer,
    url,
    client: Object.freeze({ ...client }),
    observer,
    tls: resolveClientTls(tls),
    ...(now && { now }),
    ...(monotonic && { monotonic }),
  });
}

/** @throws TypeError */
function checkClient({ id, secret, assertion }: Partial<Record<keyof FeedClient, unknown>> = {}): void {
  if (typeof id !== 'string' || id === '') throw new TypeError('client.id: required, a string');
  if (assertion !== undefined) {
    if (typeof assertion !== 'function') throw new TypeError('client.assertion: must be a function');
    if (secret !== undefined) throw new TypeError('client.secret, client.assertion: one or the other');
  } else if (typeof secret !== 'string' || secret === '') {
    throw new TypeError('client.secret: required, a string');
  }
}
