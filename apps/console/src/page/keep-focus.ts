/**
 * Whoever is at a button by the keyboard, and it goes away, goes on where the content begins, and not at the top of the
 * page.
 */
export function keepFocus(page: HTMLElement): void {
  let focused: EventTarget | null = null;
  page.addEventListener('focusin', ({ target }) => (focused = target));
  new MutationObserver(() => {
    if (!(focused instanceof Node) || focused.isConnected) return;
    focused = null;
    if (document.activeElement === document.body) document.getElementById('content')?.focus({ preventScroll: true });
  }).observe(page, { childList: true, subtree: true });
}
