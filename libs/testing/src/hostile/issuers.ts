import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

/** `iss` that is no name of an issuer, or that of another: names are compared as they are (RFC 7519, section 2). */
export function issuers({ forge }: Material): HostileToken[] {
  const ours = forge.issuer.issuer;
  const [scheme] = /^https?:/.exec(ours) ?? [''];
  const others: [name: string, iss: string][] = [
    ['another issuer', 'https://evil.test'],
    ['an empty iss', ''],
    ['iss in capitals', ours.toUpperCase()],
    ['iss with a slash more or less at its end', ours.endsWith('/') ? ours.slice(0, -1) : `${ours}/`],
    ['iss with another scheme', `${scheme === 'https:' ? 'http:' : 'https:'}${ours.slice(scheme.length)}`],
    ['iss without its scheme', ours.slice(`${scheme}//`.length)],
    ['iss without its last letter', ours.slice(0, -1)],
    ['iss with a port', `${ours}:443`],
    ['iss with a dot behind it', `${ours}.`],
    ['iss with a space behind it', `${ours} `],
    ['iss with a line feed behind it', `${ours}\n`],
    ['iss with a NUL behind it', `${ours}\0`],
    ['iss with a query', `${ours}?x`],
    ['iss with a fragment', `${ours}#x`],
    ['iss with a path that leads back', `${ours}/x/..`],
    ['iss with its last letter percent-encoded', `${ours.slice(0, -1)}%${Buffer.from(ours.slice(-1)).toString('hex')}`],
    ['iss with a Cyrillic letter', `${ours.slice(0, -1)}т`],
    ['iss that begins with our host', `${ours}.evil.test`],
    ['iss that has our host for a user', `${ours}@evil.test`],
    ['iss with ours in its query', `https://evil.test/?iss=${ours}`],
    ['iss with ours in its path', `https://evil.test/${ours}`],
    ['iss of two', `${ours} https://evil.test`],
    ['iss __proto__', '__proto__'],
    ['iss constructor', 'constructor'],
    ['iss *', '*'],
  ];
  const malformed: [name: string, iss: unknown][] = [
    ['iss null', null],
    ['iss as a number', 1],
    ['iss true', true],
    ['iss as a list', [ours]],
    ['iss as an object', { iss: ours }],
  ];
  return [
    ...refusedAt('decode', [['no iss', forge.token({ iss: undefined }), 'claim_missing']]),
    ...refusedAt(
      'decode',
      malformed.map(([name, iss]): Row => [name, forge.token({ iss }), 'claim_malformed']),
    ),
    ...refusedAt(
      'select_issuer',
      others.map(([name, iss]): Row => [name, forge.token({ iss }), 'issuer_not_trusted']),
    ),
  ];
}
