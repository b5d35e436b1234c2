import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { type DecisionTrace, explainCurrentCall, JwtGuardModule, Public } from '../src';

@Controller()
class ExplainedController {
  @Get('explained')
  async explained() {
    return { trace: await explainCurrentCall() };
  }

  @Public('nobody in particular')
  @Get('open')
  async open() {
    return { trace: (await explainCurrentCall()) ?? null };
  }
}

describe('explainCurrentCall', () => {
  let issuer: TestIssuer;
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    const issuers = [
      { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
    ];
    @Module({
      imports: [JwtGuardModule.forRoot({ issuers, now: issuer.clock.now })],
      controllers: [ExplainedController],
    })
    class TestModule {}
    app = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());

  const get = async (path: string, token: string): Promise<string> =>
    (await fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${token}` } })).text();

  it('says why the token of the call was accepted, without what makes it one', async () => {
    const token = await issuer.token();
    const text = await get('explained', token);
    const { trace } = JSON.parse(text) as { trace: DecisionTrace };
    expect(trace.outcome).toBe('accepted');
    expect(trace.stages.map(({ stage, outcome }) => [stage, outcome])).toEqual([
      ['decode', 'passed'],
      ['select_issuer', 'passed'],
      ['resolve_key', 'passed'],
      ['verify_signature', 'passed'],
      ['validate_claims', 'passed'],
      ['check_revocation', 'passed'],
    ]);
    expect(trace.token).toMatchObject({ verified: true, claims: { aud: 'resource' } });
    expect(text).not.toContain(token.split('.')[2]);
  });

  it('says of each of two calls at once what is in its own', async () => {
    const tokens = await Promise.all(['a', 'b', 'c'].map((jti) => issuer.token({ jti })));
    const texts = await Promise.all(tokens.map((token) => get('explained', token)));
    const traces = texts.map((text) => (JSON.parse(text) as { trace: DecisionTrace }).trace);
    expect(traces.map(({ token }) => token.claims?.jti)).toEqual(['a', 'b', 'c']);
  });

  it('says nothing of a call that is public, token or not, and outside of one', async () => {
    expect(JSON.parse(await get('open', await issuer.token()))).toEqual({ trace: null });
    expect(await explainCurrentCall()).toBeUndefined();
  });
});
