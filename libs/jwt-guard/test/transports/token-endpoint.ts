import { TestIssuer } from '@token-relay/testing';
import { decodeJwt } from 'jose';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

/** An issuer, and the endpoint where it exchanges its tokens, on 127.0.0.1. */
export class TokenEndpoint {
  exchanges = 0;
  readonly #server: Server;

  private constructor(readonly issuer: TestIssuer) {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        void this.#exchange(new URLSearchParams(body), clientOf(request.headers.authorization)).then((token) => {
          this.exchanges++;
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 300 }));
        });
      });
    });
  }

  static async start(): Promise<TokenEndpoint> {
    const endpoint = new TokenEndpoint(await TestIssuer.create());
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/oauth/token`;
  }

  /** What a service verifies with. */
  issuersFor(audience: string) {
    const { issuer, jwks } = this.issuer;
    return [{ issuer, audience, algorithms: ['ES256'] as const, jwks }];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** As RFC 8693 has it, section 4.1; the id tells by which way the token has come. */
  #exchange(form: URLSearchParams, client: string): Promise<string> {
    const { sub, jti, act } = decodeJwt(form.get('subject_token') ?? '');
    const audience = form.get('audience') ?? '';
    return this.issuer.token({
      sub,
      aud: audience,
      jti: `${jti}>${audience}`,
      scope: form.get('scope') ?? '',
      act: { sub: client, ...(act !== undefined && { act }) },
    });
  }
}

function clientOf(authorization = ''): string {
  return decodeURIComponent(Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0] ?? '');
}
