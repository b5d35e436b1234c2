import { Controller, Get, Header, Inject } from '@nestjs/common';
import { type JsonWebKeySet, Public } from '@token-relay/jwt-guard';
import { SIGNING_KEY, type SigningKey } from './signing-key';

@Controller('.well-known')
export class JwksController {
  constructor(@Inject(SIGNING_KEY) private readonly key: SigningKey) {}

  @Public('Public keys are for whoever verifies a token.')
  @Get('jwks.json')
  @Header('content-type', 'application/jwk-set+json')
  @Header('cache-control', 'public, max-age=60')
  jwks(): JsonWebKeySet {
    return this.key.jwks;
  }
}
