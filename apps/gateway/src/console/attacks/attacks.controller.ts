import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { Public, RequireToken } from '@token-relay/jwt-guard';
import { ProblemException } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { ApiHeaders } from '../../api-headers';
import { callersToken } from '../../callers-token';
import { OwnNameGuard } from '../../demo/own-name.guard';
import { goneSignal } from '../../gone';
import { type Attack, type AttackResult } from './attack';
import { AttackSupplies } from './attack-supplies';
import { ATTACKS } from './attacks';
import { FrontDoor } from './front-door';

/** What `AttacksController` needs besides. */
export const ATTACK_PROVIDERS = [FrontDoor, AttackSupplies];

type ListedAttack = Pick<Attack, 'name' | 'title' | 'explanation'>;

/**
 * Attacks on this very gateway, made for whoever is logged in to the demo, out of a token of their own. Elsewhere the
 * routes aren't there: the module doesn't have this controller.
 */
@Controller('console/api/attacks')
@UseGuards(OwnNameGuard)
export class AttacksController {
  readonly #attacks: ReadonlyMap<string, Attack> = new Map(ATTACKS.map((attack) => [attack.name, attack]));

  constructor(
    @Inject(FrontDoor) private readonly door: FrontDoor,
    @Inject(AttackSupplies) private readonly supplies: AttackSupplies,
  ) {}

  @Public('How attacks work, as any textbook says it, in development.')
  @Get()
  list(): { readonly attacks: readonly ListedAttack[] } {
    return { attacks: ATTACKS.map(({ name, title, explanation }) => ({ name, title, explanation })) };
  }

  /** @throws ProblemException 404 `attack_not_found`, 503 `attack_not_ready` */
  @Post(':name')
  @RequireToken()
  @HttpCode(200)
  @ApiHeaders()
  async run(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AttackResult> {
    const attack = this.#attacks.get(name);
    if (!attack) throw new ProblemException(404, 'attack_not_found', 'There is no attack of this name.');
    const { title, why } = attack;
    // There is one: the guard has let it in.
    const token = callersToken(request) ?? '';
    const { door, supplies } = this;
    return { title, ...(await attack.run({ token, door, supplies, signal: goneSignal(reply) })), why };
  }
}
