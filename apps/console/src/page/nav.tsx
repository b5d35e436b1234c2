import { type View, VIEWS } from './hash-view';
import { view } from './view';

export const VIEW_NAMES: Readonly<Record<View, string>> = {
  relay: 'Relay',
  keys: 'Keys',
  sessions: 'Sessions',
  attacks: 'Attacks',
  inspector: 'Inspector',
};

export function Nav() {
  return (
    <nav aria-label="Views">
      <ul class="nav">
        {VIEWS.map((name) => (
          <li key={name}>
            <a
              href={`#${name}`}
              onClick={() => window.scrollTo(0, 0)}
              aria-current={view.value === name ? 'page' : undefined}
            >
              {VIEW_NAMES[name]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
