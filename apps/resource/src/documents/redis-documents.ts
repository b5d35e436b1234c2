import { decided, type RedisClient } from '@token-relay/service-kit';
import { createHash } from 'node:crypto';
import { type Document, type DocumentHead, type DocumentStore, MAX_DOCUMENTS } from './document-store';

/** KEYS heads, bodies; ARGV limit, id, head, body. What is there already is kept as it is: a repeated call is the same one. */
const SAVE = `
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then return 1 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1`;

type WithScript = RedisClient & {
  saveDocument(heads: string, bodies: string, limit: number, id: string, head: string, body: string): Promise<number>;
};

/** In Redis, shared by all replicas: two hashes an owner, so that a list needn't read the bodies. */
export class RedisDocuments implements DocumentStore {
  readonly #redis: WithScript;

  constructor(redis: RedisClient) {
    redis.defineCommand('saveDocument', { numberOfKeys: 2, lua: SAVE });
    this.#redis = redis as WithScript;
  }

  async list(owner: string): Promise<readonly DocumentHead[]> {
    const heads = await decided(this.#redis.hvals(keysOf(owner).heads));
    return heads.map(parseHead).sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
  }

  async find(owner: string, id: string): Promise<Document | undefined> {
    const { heads, bodies } = keysOf(owner);
    const [head, body] = await decided(Promise.all([this.#redis.hget(heads, id), this.#redis.hget(bodies, id)]));
    return head === null || body === null ? undefined : { ...parseHead(head), body };
  }

  async isFull(owner: string): Promise<boolean> {
    return (await decided(this.#redis.hlen(keysOf(owner).heads))) >= MAX_DOCUMENTS;
  }

  async save(owner: string, { body, ...head }: Document): Promise<boolean> {
    const { heads, bodies } = keysOf(owner);
    const saved = this.#redis.saveDocument(heads, bodies, MAX_DOCUMENTS, head.id, JSON.stringify(head), body);
    return (await decided(saved)) === 1;
  }
}

/** Of one slot of a cluster. Hashed: what an issuer calls its users may be long, and hold anything. */
function keysOf(owner: string): { readonly heads: string; readonly bodies: string } {
  const name = createHash('sha256').update(owner).digest('base64url');
  return { heads: `documents:{${name}}:heads`, bodies: `documents:{${name}}:bodies` };
}

function parseHead(text: string): DocumentHead {
  return JSON.parse(text) as DocumentHead;
}
