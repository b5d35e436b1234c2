import { type FunctionComponent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { AttacksView } from './attacks/attacks-view';
import { type Settings } from './api/types';
import { InspectorView } from './inspector/inspector-view';
import { KeysView } from './keys/keys-view';
import { Busy } from './page/busy';
import { FailureNotice } from './page/failure-notice';
import { Header } from './page/header';
import { Login } from './page/login';
import { type View } from './page/hash-view';
import { VIEW_NAMES } from './page/nav';
import { resumed, resume } from './page/resume';
import { loadSettings, settings } from './page/settings';
import { view } from './page/view';
import { RelayView } from './relay/relay-view';
import { SessionsView } from './sessions/sessions-view';
import { sessionNumber, sessionState } from './session';

const VIEW_PARTS: Readonly<Record<View, FunctionComponent<{ readonly settings: Settings }>>> = {
  relay: RelayView,
  keys: KeysView,
  sessions: SessionsView,
  attacks: AttacksView,
  inspector: InspectorView,
};

export function App() {
  const main = useRef<HTMLElement>(null);
  const shown = view.value;
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${VIEW_NAMES[shown]} – Token Relay console`;
    // Where whoever uses a keyboard, or hears the page, goes on – but not when it has only just been opened.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [shown]);
  const isIn = sessionState.value === 'active';
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [isIn]);
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header />
      <main id="content" ref={main} tabIndex={-1} aria-label={VIEW_NAMES[shown]}>
        <Content />
      </main>
    </>
  );
}

function Content() {
  const { value, failure } = settings.state.value;
  if (!value) {
    return (
      <>
        <h1>Token Relay</h1>
        {failure ? (
          <FailureNotice failure={failure} what="The console can’t begin." retry={loadSettings} />
        ) : (
          <Busy what="Asking the gateway what there is" lines={8} />
        )}
      </>
    );
  }
  // What anybody may ask in the demo, nobody has to log in for.
  if (view.value === 'inspector' && value.demo) {
    return <InspectorView key={`${sessionState.value} ${sessionNumber.value}`} settings={value} />;
  }
  if (sessionState.value === 'active') return <Shown key={sessionNumber.value} settings={value} />;
  const { busy, failure: notKnown } = resumed.state.value;
  if (busy) {
    return (
      <>
        <h1>Token Relay</h1>
        <Busy what="Asking whether there is a session" lines={8} />
      </>
    );
  }
  return (
    <>
      {notKnown && <FailureNotice failure={notKnown} what="Whether you are logged in isn’t known." retry={resume} />}
      <Login isDemo={value.demo} />
    </>
  );
}

function Shown({ settings: known }: { readonly settings: Settings }) {
  const Part = VIEW_PARTS[view.value];
  return <Part settings={known} />;
}
