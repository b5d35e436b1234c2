import { revocations } from '../events/live';
import { type HeardRevocation } from '../events/heard-revocations';
import { Empty } from '../page/busy';
import { revokedId, revokedWords } from '../words/event-words';
import { inMilliseconds, timeOf } from '../words/time-words';

/** How soon each service knew that something counts no more. */
export function Heard({ services }: { readonly services: readonly string[] }) {
  const latest = revocations.value;
  return (
    <section aria-labelledby="heard-title">
      <h2 id="heard-title">Heard by every service</h2>
      <p>
        Whatever ends is told to all services at once; from then on each refuses its tokens by itself. The times count
        from the first service that has heard. Audit is asked through resource, and nobody for longer than 10 seconds.
      </p>
      {latest.length === 0 ? (
        <Empty>Nothing was revoked while this page was open. End a session to see how soon it is heard of.</Empty>
      ) : (
        <ol class="cards" aria-live="polite">
          {latest.map((each) => (
            <li key={`${each.kind} ${each.id}`} class="card">
              <Revocation revocation={each} services={services} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Revocation({
  revocation: { kind, id, at, heard },
  services,
}: {
  revocation: HeardRevocation;
  services: readonly string[];
}) {
  const names = [...new Set([...services, ...Object.keys(heard)])];
  const slowest = Math.max(1, ...Object.values(heard));
  return (
    <>
      <p>
        <strong>Revoked: {revokedWords(kind)}</strong> <code>{revokedId({ kind, id })}</code> at{' '}
        <time dateTime={at.toISOString()}>{timeOf(at)}</time>
      </p>
      <dl class="heard">
        {names.map((name) => {
          const ms = heard[name];
          return (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                {heardWords(ms)}
                <svg class="heard-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="bar-ground" x="0" y="0" width="100" height="4" />
                  {ms !== undefined && (
                    <rect class="bar-signing" x="0" y="0" width={Math.max(2, (ms / slowest) * 100)} height="4" />
                  )}
                </svg>
              </dd>
            </div>
          );
        })}
      </dl>
    </>
  );
}

function heardWords(ms: number | undefined): string {
  if (ms === undefined) return 'hasn’t said so';
  return ms === 0 ? 'heard first' : `heard after ${inMilliseconds(ms)}`;
}
