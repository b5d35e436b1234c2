import { type Document, type DocumentHead, type DocumentStore, MAX_DOCUMENTS } from './document-store';

/** In the memory of this process, and gone when it ends. */
export class EmbeddedDocuments implements DocumentStore {
  readonly #byOwner = new Map<string, Map<string, Document>>();

  list(owner: string): Promise<readonly DocumentHead[]> {
    const documents = [...(this.#byOwner.get(owner)?.values() ?? [])];
    return Promise.resolve(documents.map(({ id, title, createdAt }) => ({ id, title, createdAt })));
  }

  find(owner: string, id: string): Promise<Document | undefined> {
    return Promise.resolve(this.#byOwner.get(owner)?.get(id));
  }

  isFull(owner: string): Promise<boolean> {
    return Promise.resolve(this.#isFull(owner));
  }

  save(owner: string, document: Document): Promise<boolean> {
    // In one step: whoever else is saving mustn't come in between.
    if (this.#isFull(owner)) return Promise.resolve(false);
    const documents = this.#byOwner.get(owner) ?? new Map<string, Document>();
    this.#byOwner.set(owner, documents.set(document.id, document));
    return Promise.resolve(true);
  }

  #isFull(owner: string): boolean {
    return (this.#byOwner.get(owner)?.size ?? 0) >= MAX_DOCUMENTS;
  }
}
