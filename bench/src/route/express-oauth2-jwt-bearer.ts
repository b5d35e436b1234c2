// As its README says, with the keys' address in place of discovery.
import { Controller, type DynamicModule, Get, Req } from '@nestjs/common';
import { type ErrorRequestHandler } from 'express';
import { auth, UnauthorizedError } from 'express-oauth2-jwt-bearer';
import { type Answer, answerFor } from './answer';
import { onExpress } from './nest-app';
import { type Trusted } from './trusted';

@Controller('documents')
class Documents {
  @Get()
  list(@Req() { auth }: { readonly auth: { readonly payload: { readonly sub: string } } }): Answer {
    return answerFor(auth.payload.sub);
  }
}

class Guarded {}

const MODULE: DynamicModule = { module: Guarded, controllers: [Documents] };

/** Says what Express's own would say, in whose place Nest has one that makes a 500 of it. */
const refuse: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (error instanceof UnauthorizedError) response.status(error.status).set(error.headers).end();
  else next(error);
};

export const oauth2BearerOnExpress = ({ issuer, audience, jwksUri }: Trusted) =>
  onExpress(MODULE, (app) => {
    app.use(auth({ issuer, audience, jwksUri, tokenSigningAlg: 'ES256', strict: true }), refuse);
  });
