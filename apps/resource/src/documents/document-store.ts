import { randomUUID } from 'node:crypto';

export interface Document {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  /** RFC 3339, in UTC. */
  readonly createdAt: string;
}

/** A document in a list: without its body, or a list of long documents would be a long answer. */
export type DocumentHead = Omit<Document, 'body'>;

/** How many documents an owner may have. */
export const MAX_DOCUMENTS = 100;

export const DOCUMENT_STORE = Symbol('document-store');

/**
 * Documents by owner: by `principal.id`, for two issuers may well call two people the same.
 *
 * @throws StoreUnavailable from each, where it is in Redis
 */
export interface DocumentStore {
  /** All of an owner's, the oldest first. */
  list(owner: string): Promise<readonly DocumentHead[]>;
  find(owner: string, id: string): Promise<Document | undefined>;
  isFull(owner: string): Promise<boolean>;
  /** Whether it was kept: not if the owner has as many as there may be. */
  save(owner: string, document: Document): Promise<boolean>;
}

/** A document that isn't kept yet. */
export function newDocument({ title, body }: Pick<Document, 'title' | 'body'>): Document {
  return { id: randomUUID(), title, body, createdAt: new Date().toISOString() };
}
