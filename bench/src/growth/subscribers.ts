import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface SubscribersSetting {
  /** Of auth. */
  readonly url: string;
  /** What a client sends that may read the feed, get tokens and revoke them. */
  readonly authorization: string;
}

/** A verifier, as far as auth's feed sees it: reads what it is told, and looks for one thing in it. */
interface Subscriber {
  readonly request: ClientRequest;
  wanted: string | undefined;
  heard: () => void;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
/** Services that start aren't alone, but neither do a thousand in the same moment. */
const CONNECTED_AT_ONCE = 50;

/** Services that subscribe to auth's feed of revocations, and somebody who revokes. */
export function openSubscribers({ url, authorization }: SubscribersSetting) {
  const agent = new Agent({ keepAlive: true });
  let subscribers: Subscriber[] = [];

  async function post(path: string, body: string): Promise<string> {
    const headers = { ...FORM, authorization, 'content-length': Buffer.byteLength(body) };
    const sent = request(`${url}${path}`, { method: 'POST', agent, headers });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const content = await text(answer);
    if (answer.statusCode !== 200) throw new Error(`${path} is answered with ${answer.statusCode}: ${content}`);
    return content;
  }

  async function subscribe(): Promise<Subscriber> {
    const asked = request(`${url}/revocations/feed`, { agent: false, headers: { authorization } });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`the feed is answered with ${answer.statusCode}`);
    const subscriber: Subscriber = { request: asked, wanted: undefined, heard: () => undefined };
    // It is this process that ends it.
    asked.on('error', () => undefined);
    answer.on('error', () => undefined);
    answer.setEncoding('utf8').on('data', (part: string) => {
      if (subscriber.wanted !== undefined && part.includes(subscriber.wanted)) subscriber.heard();
    });
    return subscriber;
  }

  /** From the request to revoke until the last has heard of it, in milliseconds. */
  async function revoke(token: string): Promise<number> {
    const [, payload = ''] = token.split('.');
    const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string };
    const all = subscribers.map((one) => {
      return new Promise<void>((resolve) => Object.assign(one, { wanted: jti, heard: resolve }));
    });
    const begun = performance.now();
    await post('/oauth/revoke', new URLSearchParams({ token }).toString());
    await Promise.all(all);
    return performance.now() - begun;
  }

  function disconnect(): void {
    for (const one of subscribers) one.request.destroy();
    subscribers = [];
  }

  return {
    async connect(count: number): Promise<void> {
      while (subscribers.length < count) {
        const more = Math.min(count - subscribers.length, CONNECTED_AT_ONCE);
        subscribers.push(...(await Promise.all(Array.from({ length: more }, subscribe))));
      }
    },
    /** Tokens of a client's own, to be revoked. */
    async tokens(count: number): Promise<string[]> {
      const tokens: string[] = [];
      for (let i = 0; i < count; i++) {
        const answer = await post('/oauth/token', 'grant_type=client_credentials&audience=resource');
        tokens.push((JSON.parse(answer) as { access_token: string }).access_token);
      }
      return tokens;
    },
    /** One after the other. */
    async revoke(tokens: readonly string[]): Promise<number[]> {
      const times: number[] = [];
      for (const token of tokens) times.push(await revoke(token));
      return times;
    },
    disconnect,
    close: () => {
      disconnect();
      agent.destroy();
    },
  };
}

export type Subscribers = ReturnType<typeof openSubscribers>;
