import { WebSocketGateway } from '@nestjs/websockets';
import { Public } from '../src';
import { Handlers, LIBRARIES, TestApp } from './websockets-apps';

@WebSocketGateway()
class Gateway extends Handlers {}

@Public('everybody may listen')
@WebSocketGateway()
class OpenGateway extends Handlers {}

let subject: TestApp;
afterEach(() => subject.stop());

describe.each(LIBRARIES)('a request to open a socket of %s in a transaction', (library) => {
  const start = async (contextHints: 'accept' | 'replace', gateways = [Gateway]) => {
    subject = await TestApp.start({ library, gateways, guard: { contextHints } });
    const service = await subject.issuer.serviceToken();
    return { Authorization: `Bearer ${service}`, 'Txn-Token': await subject.issuer.transactionToken() };
  };

  it('is refused from a service: the socket would be its own, and not the user’s', async () => {
    const headers = await start('accept');
    const { status, body } = await subject.upgrade(headers);
    expect({ status, body: JSON.parse(body) as unknown }).toMatchObject({
      status: 401,
      body: { code: 'transaction_not_accepted' },
    });
    expect((await subject.upgrade({ ...headers, 'Txn-Token': '' })).status).toBe(401);
    expect((await subject.upgrade({ Authorization: headers.Authorization })).status).toBe(101);
  });

  it('is one like every other at the edge, where that is a client’s to say, and where everybody may connect', async () => {
    expect((await upgraded('replace', [Gateway])).status).toBe(101);
    await subject.stop();
    expect((await upgraded('accept', [OpenGateway])).status).toBe(101);
  });

  const upgraded = async (contextHints: 'accept' | 'replace', gateways: (typeof Gateway)[]) => {
    const headers = await start(contextHints, gateways);
    return subject.upgrade(headers);
  };
});
