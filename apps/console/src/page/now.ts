import { signal } from '@preact/signals';

/** The time, by the second. It stands still while nobody sees the page. */
export const now = signal(new Date());

export function startClock(): void {
  const tick = (): void => {
    if (!document.hidden) now.value = new Date();
  };
  setInterval(tick, 1_000);
  document.addEventListener('visibilitychange', tick);
}
