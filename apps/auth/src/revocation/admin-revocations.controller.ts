import { Body, Controller, Header, HttpCode, Inject, Logger, Post } from '@nestjs/common';
import {
  CurrentPrincipal,
  type Principal,
  RequireScopes,
  type RevocationEntry,
  WhenStale,
} from '@token-relay/jwt-guard';
import { validate } from '@token-relay/service-kit';
import { z } from 'zod';
import { OwnTokens } from '../tokens/own-tokens';
import { Revocations } from './revocations';

const name = () =>
  z
    .string('must be a text')
    .regex(/^[\x21-\x7e]+$/, 'must be of printable ASCII, without spaces')
    .max(256, 'is too long');

const KINDS = ['jti', 'sid', 'sub', 'all'] as const;

export const revocationRequest = z
  .strictObject({
    jti: name().optional(),
    sid: name().optional(),
    sub: name().optional(),
    all: z.literal(true, 'must be true').optional(),
    reason: z.string('must be a text').trim().min(1, 'must not be empty').max(500, 'is too long'),
  })
  .refine(
    (body) => KINDS.filter((kind) => body[kind] !== undefined).length === 1,
    'must have exactly one of jti, sid, sub and all',
  );

type RevocationRequest = z.infer<typeof revocationRequest>;

/** What was revoked, and until when it is remembered. */
interface Revoked {
  readonly revoked: RevocationEntry;
}

/** Revokes what belongs to others: an operator's tool. */
@Controller('admin/revocations')
export class AdminRevocationsController {
  readonly #logger = new Logger(AdminRevocationsController.name);

  constructor(
    @Inject(Revocations) private readonly revocations: Revocations,
    @Inject(OwnTokens) private readonly tokens: OwnTokens,
  ) {}

  @RequireScopes('revocations:write')
  @WhenStale('deny')
  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  async revoke(@CurrentPrincipal() principal: Principal, @Body() body: unknown): Promise<Revoked> {
    await this.tokens.requireMinted(principal);
    const { reason, ...what } = validate(revocationRequest, body);
    const revoked = await this.entryFor(what);
    this.#logger.warn(`revoked ${JSON.stringify({ ...revoked, reason, by: principal.subject, via: principal.actor })}`);
    return { revoked };
  }

  private entryFor({ jti, sid, sub }: Omit<RevocationRequest, 'reason'>): Promise<RevocationEntry> {
    if (jti !== undefined) return this.revocations.revokeToken(jti);
    if (sid !== undefined) return this.revocations.revokeSession(sid);
    if (sub !== undefined) return this.revocations.revokeSubject(sub);
    return this.revocations.revokeAll();
  }
}
