import { signal } from '@preact/signals';
import { type View, viewOf } from './hash-view';

/** The view that is shown: the page's address says which, so that it can be linked to, and gone back from. */
export const view = signal<View>(viewOf(location.hash));

export function followHash(): void {
  window.addEventListener('hashchange', () => {
    view.value = viewOf(location.hash);
  });
}
