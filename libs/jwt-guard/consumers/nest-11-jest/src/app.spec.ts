import { type AddressInfo, type Server } from 'node:net';
import { type INestApplication } from '@nestjs/common';
import { ClientProxyFactory, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { isRefusal, JwtGuardModule, TokenVerifier, type TokenVerifierOptions } from '@token-relay/jwt-guard';
import { type HostileToken, hostileTokens, JwksServer, TestIssuer } from '@token-relay/jwt-guard/testing';
import { firstValueFrom } from 'rxjs';
import request from 'supertest';
import { type App } from 'supertest/types';
import { AppModule } from './app.module';

describe('an app with JwtGuardModule', () => {
  let app: INestApplication<App>;
  let issuer: TestIssuer;
  let keys: JwksServer;
  let options: TokenVerifierOptions;
  let hostile: HostileToken[];

  beforeAll(async () => {
    issuer = await TestIssuer.create({ audience: 'documents' });
    keys = await JwksServer.start(issuer.jwks);
    options = {
      issuers: [
        {
          issuer: issuer.issuer,
          audience: issuer.audience,
          algorithms: ['ES256'],
          jwksUri: keys.url,
          dangerouslyAllowHttp: true,
        },
      ],
      now: issuer.clock.now,
    };
    hostile = await hostileTokens(issuer);
    const moduleRef = await Test.createTestingModule({
      imports: [AppModule, JwtGuardModule.forRoot(options)],
    }).compile();
    app = moduleRef.createNestApplication();
    await app.init();
  });
  afterAll(async () => {
    await app.close();
    await keys.stop();
  });

  const get = (token: string) => request(app.getHttpServer()).get('/documents').set('Authorization', `Bearer ${token}`);

  it('lets a good token in', async () => {
    await get(await issuer.token({ sub: 'alice' }))
      .expect(200)
      .expect({ subject: 'alice' });
  });

  it('challenges who has none', async () => {
    await request(app.getHttpServer()).get('/documents').expect(401).expect('WWW-Authenticate', 'Bearer realm="api"');
  });

  it('refuses a token without the scope', async () => {
    const { body } = await get(await issuer.token({ scope: 'documents:write' })).expect(403);
    expect(body).toMatchObject({ code: 'insufficient_scope' });
  });

  it('refuses each hostile token for what it is', async () => {
    expect(hostile.length).toBeGreaterThan(40);
    const verifier = TokenVerifier.create(options);
    for (const { name, token, code } of hostile) {
      const refusal: unknown = await verifier.verify(token).catch((error: unknown) => error);
      expect({ name, code: isRefusal(refusal) ? refusal.code : refusal }).toEqual({ name, code });
    }
    verifier.close();
  }, 60_000);

  it('refuses over RPC with an answer, not with a crash', async () => {
    const host = '127.0.0.1';
    const service = app.connectMicroservice<MicroserviceOptions>(
      { transport: Transport.TCP, options: { host, port: 0 } },
      { inheritAppConfig: true },
    );
    await app.startAllMicroservices();
    const { port } = service.unwrap<Server>().address() as AddressInfo;
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
    await expect(firstValueFrom(client.send('documents.list', {}))).rejects.toMatchObject({
      status: 401,
      code: 'token_missing',
    });
    await client.close();
  });
});
