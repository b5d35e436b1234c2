import { DocumentStore, MAX_DOCUMENTS } from './document-store';

describe('DocumentStore', () => {
  const ALICE = '19:https://issuer.test:alice';
  const NAMESAKE = '18:https://other.test:alice';

  it('finds and lists for its owner alone', () => {
    const store = new DocumentStore();
    const document = store.draft({ title: 'Plan', body: '' });
    store.save(ALICE, document);
    expect(store.find(ALICE, document.id)).toEqual(document);
    const { id, title, createdAt } = document;
    expect(store.list(ALICE)).toEqual([{ id, title, createdAt }]);
    expect(store.find(NAMESAKE, document.id)).toBeUndefined();
    expect(store.list(NAMESAKE)).toEqual([]);
  });

  it('keeps nothing of a draft', () => {
    const store = new DocumentStore();
    const { id } = store.draft({ title: 'Plan', body: '' });
    expect(store.find(ALICE, id)).toBeUndefined();
  });

  it('is full for an owner with as many as there may be, and not with one less', () => {
    const store = new DocumentStore();
    for (let i = 1; i < MAX_DOCUMENTS; i++) store.save(ALICE, store.draft({ title: `${i}`, body: '' }));
    expect(store.isFull(ALICE)).toBe(false);
    store.save(ALICE, store.draft({ title: 'last', body: '' }));
    expect(store.isFull(ALICE)).toBe(true);
    expect(store.isFull(NAMESAKE)).toBe(false);
  });
});
