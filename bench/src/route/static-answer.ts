import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { answerFor, NOBODY } from './answer';

/** What a server of Node can do at most: it answers the same, whatever it is asked. */
export async function staticAnswer(): Promise<{ readonly url: string }> {
  const body = Buffer.from(JSON.stringify(answerFor(NOBODY)));
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length };
  const server = createServer((_request, response) => response.writeHead(200, headers).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
