import './page/secure-context';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app';
import { startLiveEvents } from './events/live';
import { forgetUser } from './loading';
import { keepFocus } from './page/keep-focus';
import { startClock } from './page/now';
import { resume } from './page/resume';
import { followVisibility } from './page/seen';
import { loadSettings } from './page/settings';
import { followHash } from './page/view';
import { session, sessionNumber, sessionState } from './session';

// Before anything is shown to whoever comes next.
let user = '';
effect(() => {
  const next = `${sessionState.value} ${sessionNumber.value}`;
  if (next !== user) forgetUser();
  user = next;
});

// It may be another session than the one that this page knew, or none.
session.subscribe(({ reason }) => {
  if (reason === 'page_restored') resume();
});

followHash();
startClock();
followVisibility();
startLiveEvents();
loadSettings();

const root = document.getElementById('console');
if (root) {
  keepFocus(root);
  render(<App />, root);
}
