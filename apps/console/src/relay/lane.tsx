import { type RelayHop, type RelayResult } from '../api/types';
import { StageList } from '../trace/stage-list';
import { TokenJson } from '../trace/token-json';
import { wordsFor } from '../words/error-words';
import { inMilliseconds, timeOf } from '../words/time-words';
import { Changes } from './changes';
import { listed, shortKid } from './token-diff';
import { factsOf, type TokenFacts } from './token-facts';

/** Whoever is logged in, who begins the chain with the token of the session. */
export function ClientLane({ first }: { readonly first: RelayHop }) {
  return (
    <li class="lane">
      <h3>client</h3>
      <p class="quiet">This page, in your browser.</p>
      <p>
        Sends your access token to <strong>{first.service}</strong>.
      </p>
      <Facts facts={factsOf(first)} />
    </li>
  );
}

interface LaneProps {
  readonly hop: RelayHop;
  readonly does: string;
  readonly next: RelayHop | undefined;
}

export function Lane({ hop, does, next }: LaneProps) {
  const facts = factsOf(hop);
  const { trace, received } = hop;
  return (
    <li class="lane">
      <h3>{hop.service}</h3>
      {does !== '' && <p class="quiet">{does}</p>}
      <h4>What came in</h4>
      <Facts facts={facts} />
      {received?.header && <TokenJson name="Header" of={hop.service} value={received.header} />}
      {received?.claims && <TokenJson name="Claims" of={hop.service} value={received.claims} />}
      <h4>What was checked</h4>
      <p>
        {hop.verifiedInMs === undefined ? 'Verified.' : `Verified in ${inMilliseconds(hop.verifiedInMs)}.`}
        {trace?.code !== undefined && ` ${wordsFor(trace.code).means}`}
      </p>
      {trace ? (
        <>
          <p class="quiet">Checked once more to show it, stage by stage:</p>
          <StageList stages={trace.stages} />
        </>
      ) : (
        <p class="quiet">
          {hop.service} shows no checks: services explain their calls in development alone, with{' '}
          <code>EXPLAIN_CALLS=1</code>.
        </p>
      )}
      <h4>What goes out</h4>
      <Outgoing hop={hop} facts={facts} next={next} />
    </li>
  );
}

function Outgoing({
  hop: { service, relayed },
  facts,
  next,
}: {
  hop: RelayHop;
  facts: TokenFacts;
  next: RelayHop | undefined;
}) {
  if (!relayed) return <p>{next ? 'It says nothing of that.' : `Nothing: the chain ends at ${service}.`}</p>;
  const { mode, answeredInMs } = relayed;
  // A service may have several contracts with one: by which of them it calls is nothing that people know.
  const to = next?.service ?? relayed.to;
  const isForwarded = mode === 'forward';
  return (
    <>
      <p>
        Calls <strong>{to}</strong>. {isForwarded ? 'Hands on the token that it got.' : <Got {...relayed} />}{' '}
        {answeredInMs !== undefined && `The answer came after ${inMilliseconds(answeredInMs)}.`}
      </p>
      {next ? (
        <Changes before={facts} after={factsOf(next)} to={next.service} />
      ) : (
        !isForwarded && <p class="quiet">What the next service got isn’t known here: it hasn’t said.</p>
      )}
    </>
  );
}

/** How the token for the next service was come by. */
function Got({ cached, exchangedInMs }: NonNullable<RelayHop['relayed']>) {
  return (
    <>
      <span class="badge" data-hit={cached}>
        {cached ? 'Cache hit' : 'Cache miss'}
      </span>{' '}
      {cached
        ? `The token was at hand (${inMilliseconds(exchangedInMs)}): auth wasn’t asked.`
        : `The token had to be got first, in ${inMilliseconds(exchangedInMs)}.`}
    </>
  );
}

interface UnreachedLaneProps {
  readonly service: string;
  readonly does: string;
  /** Where it is this service that hasn’t taken the call. */
  readonly refusal: RelayResult['refusal'];
}

/** A service of the chain that the call hasn’t come to, or that hasn’t taken it. */
export function UnreachedLane({ service, does, refusal }: UnreachedLaneProps) {
  return (
    <li class={`lane ${refusal ? 'lane-refused' : 'lane-unreached'}`}>
      <h3>{service}</h3>
      <p class="quiet">{does}</p>
      {refusal ? (
        <>
          <p>
            Refused the call: <code>{refusal.code}</code>.
          </p>
          <p>{refusal.why ?? wordsFor(refusal.code).means}</p>
        </>
      ) : (
        <p>It has said nothing: the call didn’t come through to it.</p>
      )}
    </li>
  );
}

function Facts({ facts }: { readonly facts: TokenFacts }) {
  const rows: readonly (readonly [name: string, value: string])[] = [
    ['User', shortKid(facts.subject)],
    ['Audience', facts.audience],
    ['Scopes', listed(facts.scopes)],
    ['Who acts', listed(facts.actors)],
    ['Key', `${shortKid(facts.kid)} (${facts.alg})`],
    ['Until', timeOf(new Date(facts.expiresAt))],
    ...(facts.txn === undefined ? [] : [['Transaction, signed', shortKid(facts.txn)] as const]),
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
