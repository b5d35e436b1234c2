import { decodeJwt } from 'jose';
import { ACCEPTED, type Chain, makeChain, REVOKED, until, verdicts } from './chain';
import { post, System } from './system';

/** How long nothing may still be accepted that was revoked; in a second it has to be refused everywhere. */
const LIMIT_MS = 1_000;

describe('what is revoked', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  async function revoke(what: object): Promise<number> {
    const answer = await post(
      `${system.gateway.url}/admin/revocations`,
      { ...what, reason: 'a test' },
      { authorization: `Bearer ${await system.login('admin')}` },
    );
    return answer.status;
  }

  it.each([
    ['the session', ({ login }: Chain) => ({ sid: decodeJwt(login).sid }), REVOKED],
    ['the first token', ({ login }: Chain) => ({ jti: decodeJwt(login).jti }), REVOKED],
    ['the user', ({ login }: Chain) => ({ sub: decodeJwt(login).sub }), REVOKED],
    [
      'a token in the middle',
      ({ resource }: Chain) => ({ jti: decodeJwt(resource).jti }),
      [200, 'token_revoked', 'token_revoked'],
    ],
    ['the last token', ({ audit }: Chain) => ({ jti: decodeJwt(audit).jti }), [200, 200, 'token_revoked']],
  ])('with %s is refused at every hop that it leads to', async (_what, what, expected) => {
    const tokens = await makeChain(system);
    expect(await verdicts(system, tokens)).toEqual(ACCEPTED);
    expect(await revoke(what(tokens))).toBe(201);
    await until<readonly unknown[]>(LIMIT_MS, () => verdicts(system, tokens), expected);
    expect(await verdicts(system, await makeChain(system))).toEqual(ACCEPTED);
  });
});
