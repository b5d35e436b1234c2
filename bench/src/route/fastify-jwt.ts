// As its README says: as a hook, with the issuer's public key as its secret.
import fastifyJwt, { type FastifyJWTOptions } from '@fastify/jwt';
import { Controller, type DynamicModule, Get, Req } from '@nestjs/common';
import { type Answer, answerFor } from './answer';
import { onFastify } from './nest-app';
import { type Trusted } from './trusted';

@Controller('documents')
class Documents {
  @Get()
  list(@Req() { user }: { readonly user: { readonly sub: string } }): Answer {
    return answerFor(user.sub);
  }
}

class Guarded {}

const MODULE: DynamicModule = { module: Guarded, controllers: [Documents] };

export interface FastifyJwtSetting extends Trusted {
  /** Whether it remembers verdicts, as many as it does by default: 1,000. */
  readonly cache: boolean;
}

export const fastifyJwtOnFastify = ({ issuer, audience, pem, cache }: FastifyJwtSetting) =>
  onFastify(MODULE, async (app) => {
    const options: FastifyJWTOptions = {
      secret: { public: pem },
      verify: { algorithms: ['ES256'], allowedIss: issuer, allowedAud: audience, checkTyp: 'at+jwt', cache },
    };
    await app.register(fastifyJwt, options);
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRequest', (request) => request.jwtVerify());
  });
