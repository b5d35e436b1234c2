import { Agent, fetch as fetchBy } from 'undici';
import { connectorWith, type CurrentContext } from './client-tls';

/**
 * `fetch` by connections that are secured as they are told to. Node's own takes no agent of another copy of undici than
 * the one that is built into it, whose version isn't ours.
 */
export class TlsFetch {
  readonly #agent: Agent;

  constructor(tls: CurrentContext, timeoutMs: number) {
    this.#agent = new Agent({ connect: connectorWith(tls, timeoutMs) });
  }

  readonly fetch = async (url: URL, init: Parameters<typeof fetchBy>[1]): Promise<Response> => {
    const response = await fetchBy(url, { ...init, dispatcher: this.#agent });
    return response;
  };

  /** Ends what is under way. */
  close(): void {
    void this.#agent.destroy();
  }
}
