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

/** What a quoted string of a header can hold without escapes (RFC 9110, section 5.6.4). */
const QUOTABLE = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;

/** @throws TypeError naming the option that makes no sense; those of the verifier are checked by it */
export function checkGuardOptions({ jwtFromRequest, realm, contextHints }: JwtGuardOptions): void {
  if (realm !== undefined && !(typeof realm === 'string' && QUOTABLE.test(realm))) {
    throw new TypeError('realm: must be a text of ASCII without quotes and backslashes');
  }
  if (contextHints !== undefined && contextHints !== 'replace' && contextHints !== 'accept') {
    throw new TypeError('contextHints: must be replace or accept');
  }
  if (jwtFromRequest !== undefined && typeof jwtFromRequest !== 'function') {
    throw new TypeError('jwtFromRequest: must be a function');
  }
}

export const { ConfigurableModuleClass: JwtGuardModuleBase, MODULE_OPTIONS_TOKEN: JWT_GUARD_OPTIONS } =
  new ConfigurableModuleBuilder<JwtGuardOptions>({ moduleName: 'JwtGuard' })
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();
