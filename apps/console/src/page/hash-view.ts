export const VIEWS = ['relay', 'keys', 'sessions', 'attacks', 'inspector'] as const;
export type View = (typeof VIEWS)[number];

/** The view that a hash names; the first for any other. */
export function viewOf(hash: string): View {
  const name = hash.replace(/^#/, '');
  return VIEWS.find((view) => view === name) ?? 'relay';
}
