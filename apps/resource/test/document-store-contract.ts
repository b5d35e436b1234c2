import { type DocumentStore, MAX_DOCUMENTS, newDocument } from '../src/documents/document-store';

/** What every document store does. @param fresh makes an empty one */
export function documentStoreContract(fresh: () => Promise<DocumentStore>): void {
  const ALICE = '19:https://issuer.test:alice';
  const NAMESAKE = '18:https://other.test:alice';
  let store: DocumentStore;

  beforeEach(async () => {
    store = await fresh();
  });

  it('finds and lists for its owner alone', async () => {
    const document = newDocument({ title: 'Plan', body: 'ünïcödé' });
    expect(await store.save(ALICE, document)).toBe(true);
    expect(await store.find(ALICE, document.id)).toEqual(document);
    const { id, title, createdAt } = document;
    expect(await store.list(ALICE)).toEqual([{ id, title, createdAt }]);
    expect(await store.find(NAMESAKE, document.id)).toBeUndefined();
    expect(await store.list(NAMESAKE)).toEqual([]);
  });

  it('keeps an empty body, and nothing of a document that was never saved', async () => {
    const empty = newDocument({ title: 'Plan', body: '' });
    await store.save(ALICE, empty);
    expect(await store.find(ALICE, empty.id)).toEqual(empty);
    expect(await store.find(ALICE, newDocument({ title: 'Draft', body: '' }).id)).toBeUndefined();
  });

  it('lists the oldest first', async () => {
    const titled = (title: string, createdAt: string) => ({ ...newDocument({ title, body: '' }), createdAt });
    await store.save(ALICE, titled('old', '2026-01-01T00:00:00.000Z'));
    await store.save(ALICE, titled('new', '2026-01-02T00:00:00.000Z'));
    expect((await store.list(ALICE)).map(({ title }) => title)).toEqual(['old', 'new']);
  });

  it('takes as many as an owner may have, and not one more, however many come at once', async () => {
    for (let i = 1; i < MAX_DOCUMENTS; i++) await store.save(ALICE, newDocument({ title: `${i}`, body: '' }));
    expect(await store.isFull(ALICE)).toBe(false);
    const atOnce = Array.from({ length: 5 }, (_, i) =>
      store.save(ALICE, newDocument({ title: `last ${i}`, body: '' })),
    );
    expect((await Promise.all(atOnce)).filter((saved) => saved)).toHaveLength(1);
    expect(await store.isFull(ALICE)).toBe(true);
    expect(await store.list(ALICE)).toHaveLength(MAX_DOCUMENTS);
    expect(await store.isFull(NAMESAKE)).toBe(false);
  });
}
