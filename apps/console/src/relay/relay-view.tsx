import { useEffect } from 'preact/hooks';
import { type RelayMode, type Settings } from '../api/types';
import { seenEvents } from '../events/live';
import { Busy, Empty } from '../page/busy';
import { FailureNotice } from '../page/failure-notice';
import { wordsFor } from '../words/error-words';
import { eventWords } from '../words/event-words';
import { MODE_WORDS } from '../words/mode-words';
import { timeOf } from '../words/time-words';
import { compareModes, sentModes } from './compare-modes';
import { ClientLane, Lane, UnreachedLane } from './lane';
import { refusedBy } from './refused-by';
import { type Answered, calls, chooseMode, mode, send, shownLast } from './relay-store';

/** Issues the tokens, and is on the way of no call. */
const ASIDE = 'auth';

export function RelayView({ settings }: { readonly settings: Settings }) {
  return (
    <>
      <h1>Relay</h1>
      <p class="wide">
        One call goes from service to service on your behalf. At each hop: which token came, how it was checked, and
        what goes on.
      </p>
      {settings.modes.length > 0 ? (
        <Relay settings={settings} />
      ) : (
        <Empty>
          This gateway doesn’t know where resource is, so that there is no chain to show: RESOURCE_URL says it.
        </Empty>
      )}
    </>
  );
}

function Relay({ settings }: { readonly settings: Settings }) {
  const { busy, value: known, failure } = calls[mode.value].state.value;
  const value = known ?? (busy ? shownLast.value : undefined);
  useEffect(() => {
    const before = calls[mode.value].state.peek();
    if (!before.busy && !before.value) void send(mode.value);
  }, [mode.value]);
  return (
    <>
      <ModeSwitch modes={settings.modes} busy={busy} />
      {failure && (
        <FailureNotice failure={failure} what="The call didn’t get through." retry={() => void send(mode.value)} />
      )}
      {!value && !failure && <Busy what="The call is on its way" lines={12} />}
      {value && <Chain answered={value} isOfBefore={failure !== undefined} settings={settings} busy={busy} />}
      {(value ?? failure) && (
        <>
          <Compared modes={settings.modes} />
          <Events />
        </>
      )}
    </>
  );
}

interface ModeSwitchProps {
  readonly modes: readonly RelayMode[];
  readonly busy: boolean;
}

function ModeSwitch({ modes, busy }: ModeSwitchProps) {
  return (
    <fieldset class="switch">
      <legend>How services call each other</legend>
      <div class="switch-choices">
        {modes.map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="mode"
              value={each}
              checked={mode.value === each}
              onChange={() => chooseMode(each)}
            />
            {MODE_WORDS[each].name}
          </label>
        ))}
        <button type="button" class="main" aria-disabled={busy} onClick={() => busy || void send(mode.value)}>
          Send the call again
        </button>
        <span role="status" class="quiet">
          {busy ? 'On its way …' : ''}
        </span>
      </div>
      <p class="quiet switch-words">{MODE_WORDS[mode.value].does}</p>
    </fieldset>
  );
}

interface ChainProps {
  readonly answered: Answered;
  /** Whether a later call has failed, of which there is nothing to show. */
  readonly isOfBefore: boolean;
  readonly settings: Settings;
  readonly busy: boolean;
}

function Chain({ answered: { result, at }, isOfBefore, settings, busy }: ChainProps) {
  const { hops, refusal, traceId, transactionId } = result;
  const [first] = hops;
  const does = (service: string): string => settings.services.find(({ name }) => name === service)?.does ?? '';
  const reached = new Set(hops.map(({ service }) => service));
  const unreached = settings.services.filter(({ name }) => name !== ASIDE && !reached.has(name));
  return (
    <section aria-labelledby="chain-title" aria-busy={busy}>
      <h2 id="chain-title">{isOfBefore ? `The last call that got through, at ${timeOf(at)}` : 'Hop by hop'}</h2>
      <dl class="facts chain-facts">
        <div>
          <dt>Trace</dt>
          <dd>
            <code>{traceId ?? 'none'}</code>
          </dd>
        </div>
        <div>
          <dt>Transaction</dt>
          <dd>
            <code>{transactionId ?? 'none'}</code>
          </dd>
        </div>
      </dl>
      {result.mode === 'transaction' && (
        <p class="quiet wide">
          “Transaction” is how logs name the call, unsigned. “Transaction, signed”, in the lanes, is the claim txn that
          auth has given the transaction token: another id.
        </p>
      )}
      {refusal && (
        <div class="notice notice-bad" role="alert">
          <p class="notice-title">The chain ends early</p>
          <p>{refusal.why ?? wordsFor(refusal.code).means}</p>
          <p class="quiet">
            <code>{refusal.code}</code>, status {refusal.status}
            {refusal.hop !== undefined && `, at ${refusal.hop}`}. {refusal.detail}
          </p>
        </div>
      )}
      <ol class="lanes">
        {first && <ClientLane first={first} />}
        {hops.map((hop, i) => (
          <Lane key={hop.service} hop={hop} does={does(hop.service)} next={hops[i + 1]} />
        ))}
        {unreached.map(({ name, does: words }) => (
          <UnreachedLane
            key={name}
            service={name}
            does={words}
            refusal={refusedBy(result) === name ? refusal : undefined}
          />
        ))}
      </ol>
    </section>
  );
}

function Compared({ modes }: { readonly modes: readonly RelayMode[] }) {
  const results = sentModes(modes, (each) => calls[each].state.value.value?.result);
  return (
    <section aria-labelledby="compare-title">
      <h2 id="compare-title">Compared</h2>
      {results.length < 2 ? (
        <Empty>Choose another way as well: the last call of each is compared here.</Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of the ways compared">
          <table>
            <thead>
              <tr>
                <td />
                {results.map(({ mode: each }) => (
                  <th key={each} scope="col">
                    {MODE_WORDS[each].name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {compareModes(results).map(({ label, values }) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  {values.map((value, i) => (
                    <td key={i}>{value}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Events() {
  const events = seenEvents.value;
  return (
    <section aria-labelledby="events-title">
      <h2 id="events-title">What the gateway does now</h2>
      {events.length === 0 ? (
        <Empty>Nothing was heard yet.</Empty>
      ) : (
        <ol class="events" reversed tabIndex={0} aria-labelledby="events-title">
          {events.map(({ number, at, event }) => (
            <li key={number}>
              <time dateTime={at.toISOString()}>{timeOf(at)}</time> {eventWords(event)}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
