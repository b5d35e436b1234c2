import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CurrentPrincipal, type Principal, RequireScopes, WhenStale } from '@token-relay/jwt-guard';
import { ProblemException, validate } from '@token-relay/service-kit';
import { z } from 'zod';
import { OwnTokens } from '../tokens/own-tokens';
import { requireRecentLogin } from '../tokens/recent-login';
import { KEY_ALGORITHMS, type Ring, RotationPending, UnknownKey } from './key-ring';
import { type RingReport, reportOf } from './ring-report';
import { SigningKeys } from './signing-keys';

export const rotation = z.strictObject({
  alg: z.enum(KEY_ALGORITHMS, `must be one of ${KEY_ALGORITHMS.join(', ')}`).optional(),
});
export const compromise = z.strictObject({
  reason: z.string('must be a text').trim().min(1, 'must not be empty').max(500, 'is too long'),
});

/** What an operator does with the signing keys. Each change leaves a record in the ring itself, and in the log. */
@Controller('admin/keys')
export class AdminKeysController {
  constructor(
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(OwnTokens) private readonly tokens: OwnTokens,
  ) {}

  @RequireScopes('keys:read')
  @Get()
  @Header('cache-control', 'no-store')
  async list(@CurrentPrincipal() principal: Principal): Promise<RingReport> {
    await this.tokens.requireMinted(principal);
    requireRecentLogin(principal);
    return reportOf(this.keys.ring);
  }

  @RequireScopes('keys:rotate')
  @WhenStale('deny')
  @Post('rotate')
  @HttpCode(202)
  @Header('cache-control', 'no-store')
  async rotate(@CurrentPrincipal() principal: Principal, @Body() body: unknown): Promise<RingReport> {
    await this.tokens.requireMinted(principal);
    requireRecentLogin(principal);
    const { alg } = validate(rotation, body ?? {});
    try {
      return reportOf(await this.keys.rotate(principal.subject, alg));
    } catch (error) {
      if (!(error instanceof RotationPending)) throw error;
      const dueAt = new Date(error.rotation.dueAt * 1000).toISOString();
      throw new ProblemException(409, 'rotation_pending', `A rotation is planned for ${dueAt} already.`, { dueAt });
    }
  }

  /** Never put off, and never refused for what is under way: a key that has leaked is used now. */
  @RequireScopes('keys:compromise')
  @WhenStale({ allowForSeconds: 900 })
  @Post(':kid/compromise')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async compromise(
    @CurrentPrincipal() principal: Principal,
    @Param('kid') kid: string,
    @Body() body: unknown,
  ): Promise<RingReport> {
    await this.tokens.requireMinted(principal);
    requireRecentLogin(principal);
    const why = validate(compromise, body).reason;
    let ring: Ring;
    try {
      ring = await this.keys.compromise(kid, principal.subject, why);
    } catch (error) {
      if (!(error instanceof UnknownKey)) throw error;
      throw new ProblemException(404, 'key_not_found', 'There is no such key in the ring, and was none lately.');
    }
    return reportOf(ring);
  }
}
