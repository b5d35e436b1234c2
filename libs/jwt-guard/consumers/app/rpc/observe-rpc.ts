import { type AddressInfo, type Server } from 'node:net';
import { Controller, type INestApplication } from '@nestjs/common';
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal, Public } from '@token-relay/jwt-guard';
import { firstValueFrom } from 'rxjs';

@Controller()
class DocumentsRpcController {
  @MessagePattern('documents.list')
  list(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }

  @MessagePattern('documents.terms')
  @Public('the terms are for everybody')
  terms() {
    return { terms: 'none' };
  }
}

export const controllers = [DocumentsRpcController];

/** Nest 12.1 and newer can send metadata over TCP. */
interface Dispatching {
  setOnDispatchHook?(hook: (packet: { metadata?: unknown }) => void): void;
}

/** The RPC half of the app, and what it answers. */
export async function observe(app: INestApplication, token: string): Promise<unknown> {
  const host = '127.0.0.1';
  const service = app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP, options: { host, port: 0 } },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  const { port } = service.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
  let metadata: unknown;
  (client as unknown as Dispatching).setOnDispatchHook?.((packet) => {
    packet.metadata = metadata;
  });
  const send = (pattern: string): Promise<unknown> =>
    firstValueFrom(client.send<unknown>(pattern, {})).catch((error: unknown) => ({ refused: error }));

  const observed = {
    terms: await send('documents.terms'),
    none: await send('documents.list'),
    good: undefined as unknown,
  };
  metadata = { authorization: `Bearer ${token}` };
  observed.good = await send('documents.list');
  await client.close();
  return observed;
}
