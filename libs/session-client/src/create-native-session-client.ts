import { NativeTransport, type RefreshTokenStorage } from './native-transport.js';
import { asFolder, type CommonOptions, resolveCommon, secureUrl } from './options.js';
import { Session } from './session.js';
import { type SessionClient, sessionClient } from './session-client.js';
import { isObject, SessionHttp } from './session-http.js';
import { Tabs } from './tabs.js';

export interface NativeSessionClientOptions extends CommonOptions {
  /** Where the gateway is. The access token is for its origin. */
  readonly baseUrl: string;
  /** The token endpoint of auth, as its metadata name it (RFC 8414). */
  readonly tokenEndpoint: string;
  /** `revoke` beside the token endpoint by default. */
  readonly revocationEndpoint?: string;
  /** Where somebody logs in: `auth/login` of `baseUrl` by default. */
  readonly loginUrl?: string;
  /** As auth has registered the app. */
  readonly clientId: string;
  /** Where the refresh token is kept. */
  readonly storage: RefreshTokenStorage;
}

/**
 * The client of an app on its user's own device, or of a Node program: it keeps the refresh token itself, and is
 * registered as a native client.
 *
 * @throws TypeError that names the option which is wrong
 */
export function createNativeSessionClient(options: NativeSessionClientOptions): SessionClient {
  const { clientId, storage } = options;
  const methods = ['load', 'save', 'clear'] as const;
  if (!isObject(storage) || methods.some((method) => typeof storage[method] !== 'function')) {
    throw new TypeError('storage has to have load, save and clear.');
  }
  if (typeof clientId !== 'string' || clientId === '')
    throw new TypeError('clientId has to be the id of a registered client.');
  const baseUrl = asFolder(secureUrl('baseUrl', options.baseUrl, options));
  const token = secureUrl('tokenEndpoint', options.tokenEndpoint, options).href;
  const { revocationEndpoint = new URL('revoke', token).href, loginUrl = new URL('auth/login', baseUrl).href } =
    options;
  const endpoints = {
    token,
    revocation: secureUrl('revocationEndpoint', revocationEndpoint, options).href,
    login: secureUrl('loginUrl', loginUrl, options).href,
  };
  const common = resolveCommon(baseUrl, options);
  const { fetch, clock, random, settings } = common;
  const transport = new NativeTransport(
    new SessionHttp(fetch, clock, settings.requestTimeoutMs),
    endpoints,
    clientId,
    storage,
  );
  const tabs = new Tabs({ name: clientId, clock, locks: undefined, channel: undefined });
  return sessionClient(new Session(transport, tabs, clock, random, settings), common);
}
