import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { ClientAuthentication, type Reply } from './client-authentication';

/** What a caller says, and where from: a request of Fastify's has it. */
export interface CallerRequest {
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly forwarded?: string | readonly string[] | undefined;
    readonly origin?: string | undefined;
    readonly 'content-type'?: string | undefined;
    readonly 'user-agent'?: string | undefined;
  };
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** The client through which browsers come, and the audience of what users are given. */
export const GATEWAY = 'gateway';
const MAX_USER_AGENT = 256;
/** Where a connection comes from that has ended meanwhile. */
const NOWHERE = '0.0.0.0';

/** Finds out from where the session routes are called. */
@Injectable()
export class Callers {
  constructor(@Inject(ClientAuthentication) private readonly clients: ClientAuthentication) {}

  /**
   * The caller's IPv4 or IPv6 address, in its shortest form. From the gateway, which has to authenticate with its
   * secret, it is the one that it says in `Forwarded`; from anybody else the connection's own, whatever they say.
   *
   * @param reply gets the challenge if credentials are wrong
   * @throws OAuthError `invalid_client` for wrong credentials, rather than to take all who come through a gateway with
   *   another secret for one
   */
  async addressOf({ headers, socket }: CallerRequest, reply: Reply): Promise<string> {
    const own = shortest(socket.remoteAddress) ?? NOWHERE;
    if (!/^basic /i.test(headers.authorization ?? '')) return own;
    const { id } = await this.clients.authenticate(headers.authorization, reply);
    return (id === GATEWAY ? shortest(forwardedFor(String(headers.forwarded))) : undefined) ?? own;
  }
}

/** What the caller calls itself: 256 visible characters of it; undefined if there are none. */
export function userAgentOf({ headers }: Pick<CallerRequest, 'headers'>): string | undefined {
  const visible = headers['user-agent']?.replaceAll(/[^\x20-\x7e]/g, '').trim();
  return visible ? visible.slice(0, MAX_USER_AGENT) : undefined;
}

/** What one caller is likely to have: an IPv4 address, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString()}/64`;
}

/** `for` of the first element (RFC 7239): the gateway's. What a proxy between it and auth may add comes after that. */
function forwardedFor(forwarded: string): string | undefined {
  const [, ipv6, ipv4] = /^(?:[^,]*;)?for=(?:"\[([0-9a-f:.]+)\]"|([0-9.]+))(?:[,;]|$)/i.exec(forwarded) ?? [];
  return ipv6 ?? ipv4;
}

/** Without a zone, and IPv4 as such when it is written as IPv6. */
function shortest(address: string | undefined): string | undefined {
  const [bare = ''] = (address ?? '').split('%');
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare).toString();
}
