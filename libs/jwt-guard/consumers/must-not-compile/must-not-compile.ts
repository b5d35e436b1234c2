// What the types of the package refuse. Each of these must fail, and for the option that its comment names: the spec
// compiles this file with the comments, when an expectation that isn't met is an error, and without them.
import {
  type IssuerOptions,
  JwtGuardModule,
  type RelayHttpClient,
  RelayModule,
  type TokenRelay,
  TokenVerifier,
} from '@token-relay/jwt-guard';

declare module '@token-relay/jwt-guard' {
  interface RelayDestinations {
    billing: true;
  }
}
declare const relay: TokenRelay;
declare const client: RelayHttpClient;

const issuer = 'https://issuer.example';
const audience = 'documents';
const jwksUri = 'https://issuer.example/jwks.json';

// Compiles, so that the others fail for what they leave out.
TokenVerifier.create({ issuers: [{ issuer, audience, algorithms: ['ES256'], jwksUri }] });
JwtGuardModule.forRoot({ issuers: [{ issuer, audience, algorithms: ['ES256'], jwksUri }] });

// @ts-expect-error algorithms
TokenVerifier.create({ issuers: [{ issuer, audience, jwksUri }] });
// @ts-expect-error audience
TokenVerifier.create({ issuers: [{ issuer, algorithms: ['ES256'], jwksUri }] });
// @ts-expect-error issuer
TokenVerifier.create({ issuers: [{ audience, algorithms: ['ES256'], jwksUri }] });
// @ts-expect-error issuers
TokenVerifier.create({});

// @ts-expect-error algorithms
JwtGuardModule.forRoot({ issuers: [{ issuer, audience, jwksUri }] });
// @ts-expect-error audience
JwtGuardModule.forRoot({ issuers: [{ issuer, algorithms: ['ES256'], jwksUri }] });
// @ts-expect-error issuer
JwtGuardModule.forRoot({ issuers: [{ audience, algorithms: ['ES256'], jwksUri }] });
// @ts-expect-error issuers
JwtGuardModule.forRoot({});
// @ts-expect-error algorithms
JwtGuardModule.forRootAsync({ useFactory: () => ({ issuers: [{ issuer, audience, jwksUri }] }) });

// @ts-expect-error "none"
export const unsigned: IssuerOptions = { issuer, audience, algorithms: ['none'], jwksUri };
// @ts-expect-error "HS256"
export const symmetric: IssuerOptions = { issuer, audience, algorithms: ['HS256'], jwksUri };

RelayModule.forRoot({ destinations: { billing: { audience, mode: 'none' } } });
void relay.relayHeaders('billing');
// @ts-expect-error "nowhere"
void relay.relayHeaders('nowhere');
// @ts-expect-error "nowhere"
void client.request('nowhere', { method: 'GET', path: '/' });
// @ts-expect-error billing
RelayModule.forRoot({ destinations: {} });
// @ts-expect-error nowhere
RelayModule.forRoot({ destinations: { billing: { audience, mode: 'none' }, nowhere: { audience, mode: 'none' } } });
// @ts-expect-error "trust"
RelayModule.forRoot({ destinations: { billing: { audience, mode: 'trust' } } });
