import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';

export interface Document {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  /** RFC 3339, in UTC. */
  readonly createdAt: string;
}

/** How many documents an owner may have: they are kept in memory. */
export const MAX_DOCUMENTS = 100;

/** Documents by owner: by `principal.id`, for two issuers may well call two people the same. */
@Injectable()
export class DocumentStore {
  readonly #byOwner = new Map<string, Map<string, Document>>();

  /** Without their bodies: a list of long documents must not be a long answer. */
  list(owner: string): readonly Omit<Document, 'body'>[] {
    const documents = [...(this.#byOwner.get(owner)?.values() ?? [])];
    return documents.map(({ id, title, createdAt }) => ({ id, title, createdAt }));
  }

  find(owner: string, id: string): Document | undefined {
    return this.#byOwner.get(owner)?.get(id);
  }

  isFull(owner: string): boolean {
    return (this.#byOwner.get(owner)?.size ?? 0) >= MAX_DOCUMENTS;
  }

  draft(content: Pick<Document, 'title' | 'body'>): Document {
    return {
      id: randomUUID(),
      title: content.title,
      body: content.body,
      createdAt: new Date().toISOString(),
    };
  }

  save(owner: string, document: Document): void {
    const documents = this.#byOwner.get(owner) ?? new Map<string, Document>();
    this.#byOwner.set(owner, documents.set(document.id, document));
  }
}
