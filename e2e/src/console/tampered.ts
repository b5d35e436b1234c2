/** The token of somebody who would like to be an operator, under the signature of what they are. */
export function tampered(token: string): string {
  const [header, claims = '', signature] = token.split('.');
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
  const forged = Buffer.from(JSON.stringify({ ...said, scope: 'auth:admin' })).toString('base64url');
  return `${header}.${forged}.${signature}`;
}
