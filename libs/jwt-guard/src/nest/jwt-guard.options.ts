import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type JwtFromRequestFunction } from 'passport-jwt';
import { type TokenVerifierOptions } from '../core/verifier-options';

export interface JwtGuardOptions extends TokenVerifierOptions {
  /**
   * Where a request's token is, as one of passport-jwt's `ExtractJwt` extractors. Default: the `Authorization`
   * header, exactly as RFC 6750, section 2.1 has it, and nowhere else.
   */
  readonly jwtFromRequest?: JwtFromRequestFunction<object>;
  /** `realm` of the challenges. Default: `api`. */
  readonly realm?: string;
  /**
   * What to do with the hints – so far the transaction id – that come with a request: `replace` them, which is
   * right wherever clients connect, or `accept` them from the services of the same system. Default: `replace`.
   */
  readonly contextHints?: 'replace' | 'accept';
}

export const { ConfigurableModuleClass: JwtGuardModuleBase, MODULE_OPTIONS_TOKEN: JWT_GUARD_OPTIONS } =
  new ConfigurableModuleBuilder<JwtGuardOptions>({ moduleName: 'JwtGuard' })
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();
