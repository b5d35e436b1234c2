import { type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { hostileTokens, JwksServer, TestIssuer } from '@token-relay/jwt-guard/testing';
import { appModule } from './app.module.js';

interface Rpc {
  readonly controllers: Type[];
  observe(app: INestApplication, token: string): Promise<unknown>;
}

/**
 * Starts the app, asks it, ends it, and prints what it answered as JSON. The verdict is the spec's: here nothing is
 * expected, so that nothing can be expected wrongly.
 */
export async function observe(create: (module: DynamicModule) => Promise<INestApplication>, rpc?: Rpc): Promise<void> {
  const issuer = await TestIssuer.create({ audience: 'documents' });
  const keys = await JwksServer.start(issuer.jwks);
  const options = {
    issuer: issuer.issuer,
    audience: issuer.audience,
    algorithms: ['ES256' as const],
    jwksUri: keys.url,
    dangerouslyAllowHttp: true,
  };
  const app = await create(appModule({ issuers: [options], now: issuer.clock.now }, rpc?.controllers ?? []));
  const good = await issuer.token();
  const overRpc = await rpc?.observe(app, good);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();

  const get = async (path: string, token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url + path, { headers });
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate'),
      body: await response.json(),
    };
  };
  const stranger = await issuer.token({ aud: 'billing' });
  const observed = {
    terms: await get('/documents/terms'),
    jwtGuard: {
      good: await get('/documents', good),
      none: await get('/documents'),
      wrongAudience: await get('/documents', stranger),
    },
    authGuard: {
      good: await get('/documents/by-passport', good),
      none: await get('/documents/by-passport'),
      wrongAudience: await get('/documents/by-passport', stranger),
    },
    hostile: [] as unknown[],
    rpc: overRpc ?? null,
  };
  for (const { name, token, sendable } of await hostileTokens(issuer)) {
    if (!sendable) continue;
    const { status, challenge } = await get('/documents', token);
    observed.hostile.push({ name, status, challenged: challenge !== null });
  }

  await app.close();
  await keys.stop();
  console.log(JSON.stringify(observed));
}
