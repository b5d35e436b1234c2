import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Agent, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { JwtGuardModule, type JwtGuardOptions } from '../../src';
import { describeTransport, type Outcome, type Subject } from './expectations';
import { decorateAll, type HandlerName, Handlers, HANDLERS, type Seen, Witness } from './handlers';

@Resolver()
class GraphqlHandlers extends Handlers {
  constructor(witness: Witness) {
    super(witness);
  }
}
decorateAll(GraphqlHandlers, (name) => Query(name));

const SCHEMA = `
  type Seen { subject: String, tokenId: String, transactionId: String }
  type Query { ${HANDLERS.map((name) => `${name}: Seen`).join(' ')} }
`;

const DRIVERS = {
  'Apollo on Express': () =>
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs: SCHEMA, playground: false }),
  'Mercurius on Fastify': () =>
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, typeDefs: SCHEMA, cache: false }),
};

async function start(driver: keyof typeof DRIVERS, options: JwtGuardOptions): Promise<Subject> {
  @Module({
    imports: [JwtGuardModule.forRoot(options), DRIVERS[driver]()],
    providers: [GraphqlHandlers, Witness],
  })
  class TestModule {}
  const adapter = driver === 'Apollo on Express' ? new ExpressAdapter() : new FastifyAdapter();
  const app: INestApplication = await NestFactory.create(TestModule, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  return {
    call: (handler, ...tokens) => call(agent, port, handler, tokens),
    async stop() {
      agent.destroy();
      await app.close();
    },
  };
}

interface Answer {
  readonly data?: Readonly<Record<string, Seen>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

function call(agent: Agent, port: number, handler: HandlerName, tokens: readonly string[]): Promise<Outcome> {
  const body = JSON.stringify({ query: `{ ${handler} { subject tokenId transactionId } }` });
  const headers = [
    ...['Host', 'resource.test', 'Content-Type', 'application/json', 'Content-Length', String(body.length)],
    ...tokens.flatMap((token) => ['Authorization', `Bearer ${token}`]),
  ];
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path: '/graphql', method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve(outcomeOf(handler, answer.headers, JSON.parse(text) as Answer)));
    });
    sent.on('error', reject).end(body);
  });
}

function outcomeOf(handler: HandlerName, headers: Readonly<Record<string, unknown>>, answer: Answer): Outcome {
  const [error] = answer.errors ?? [];
  if (!error) return { seen: answer.data?.[handler] as Seen };
  const problem = error.extensions;
  if (typeof problem?.detail !== 'string') return { failed: error.message };
  const challenge = headers['www-authenticate'];
  return {
    status: problem.status as number,
    code: problem.code as string,
    error: /error="(\w+)"/.exec(typeof challenge === 'string' ? challenge : '')?.[1] ?? null,
    description: problem.detail,
    transactionId: problem.transactionId as string,
  };
}

describeTransport({
  name: 'GraphQL, with Apollo on Express',
  start: (options) => start('Apollo on Express', options),
  thrown: 'a secret of the handler',
  errorWithoutToken: null,
  interleaved: 2_000,
});
describeTransport({
  name: 'GraphQL, with Mercurius on Fastify',
  start: (options) => start('Mercurius on Fastify', options),
  thrown: 'a secret of the handler',
  errorWithoutToken: null,
  interleaved: 2_000,
});
