export interface PageEvents {
  /** The page is seen again, or runs again. */
  readonly wake: () => void;
  /** The page comes back from the browser's back/forward cache. */
  readonly restored: () => void;
  /** The network is back. */
  readonly online: () => void;
}

/** Listens to what happens to the page, where there is one. @returns what ends it */
export function watchPage({ wake, restored, online }: PageEvents): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  const { document } = globalThis as { document?: Document };
  document?.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake(), { signal });
  document?.addEventListener('resume', wake, { signal });
  // Node has no events of its own, nor has React Native.
  const page = globalThis as Partial<Pick<Window, 'addEventListener'>>;
  page.addEventListener?.('pageshow', ({ persisted }) => persisted && restored(), { signal });
  page.addEventListener?.('online', online, { signal });
  return () => listening.abort();
}
