import { signal } from '@preact/signals';

/** Who only looks at another tab for a moment misses nothing. */
const UNSEEN_MS = 10_000;

/** Whether somebody sees the page, or has until just now. */
export const isSeen = signal(!document.hidden);

export function followVisibility(): void {
  let leaving: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(leaving);
    if (!document.hidden) isSeen.value = true;
    else leaving = setTimeout(() => (isSeen.value = false), UNSEEN_MS);
  });
}
