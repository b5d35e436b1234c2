export interface Commands {
  publish: Command;
  subscribe: Command;
  unsubscribe: Command;
}
type Command = (this: Commands, ...parameters: unknown[]) => unknown;
export interface RedisClient {
  /** Of `ClientRedis`, once for what it publishes and once for what it hears: a promise of it in Nest 12. */
  createClient(): Commands | Promise<Commands>;
}

/**
 * Sees to it that a Redis that goes away doesn't take the process with it. Nest's client sends some commands without
 * looking at what becomes of them – those that belong to a call have failed by another way already – and Node ends a
 * process in which a rejected promise has nobody.
 */
export function handleRejections(client: RedisClient): void {
  const createClient = client.createClient.bind(client);
  client.createClient = () => {
    const created = createClient();
    return created instanceof Promise ? created.then(handling) : handling(created);
  };
}

function handling(redis: Commands): Commands {
  for (const name of ['publish', 'subscribe', 'unsubscribe'] as const) {
    const send = redis[name].bind(redis);
    redis[name] = (...parameters) => {
      const sent = send(...parameters);
      if (sent instanceof Promise) sent.catch(() => undefined);
      return sent;
    };
  }
  return redis;
}
