import { getSettings } from '../api/gateway';
import { type Settings } from '../api/types';
import { loader } from '../loading';
import { sessionState } from '../session';
import { resume } from './resume';

export const settings = loader<Settings>();

/** Asks what there is, and for the session where the browser has one: a visitor who is new isn't refused anything. */
export const loadSettings = (): void =>
  void settings.load(async () => {
    const known = await getSettings();
    if (known.session && sessionState.peek() !== 'active') resume();
    return known;
  });
