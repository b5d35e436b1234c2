import { isIPv4, isIPv6 } from 'node:net';

/**
 * `Forwarded` (RFC 7239) for a request from this address. It is what auth reads, and not `X-Forwarded-For`, which every
 * proxy on the way between here and there may add itself to.
 *
 * @param address as a connection or a proxy names it, perhaps with a zone or a port, which are left out
 */
export function forwardedFor(address: string | undefined): string {
  const [, inBrackets, beforePort] = /^(?:\[(.*)\](?::\d+)?|([\d.]+):\d+)$/.exec(address ?? '') ?? [];
  const [bare = ''] = (inBrackets ?? beforePort ?? address ?? '').split('%');
  if (isIPv4(bare)) return `for=${bare}`;
  return isIPv6(bare) ? `for="[${bare}]"` : 'for=unknown';
}
