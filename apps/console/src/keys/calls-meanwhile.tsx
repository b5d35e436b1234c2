import { Empty } from '../page/busy';
import { shortKid } from '../relay/token-diff';
import { wordsFor } from '../words/error-words';
import { type ServiceKeys } from './calls';
import { callFailure, isCalling, meanwhile } from './calls-store';

/** A call a second while keys change: that none fails, and when each service gets tokens of the next key. */
export function CallsMeanwhile() {
  const { answered, failed, services } = meanwhile.value;
  const failure = callFailure.value;
  return (
    <section aria-labelledby="calls-title">
      <h2 id="calls-title">Calls meanwhile</h2>
      <p>
        One call a second along the chain. When a key rotates none of them fails: tokens that are out go on working, and
        the next ones are signed with the next key.
      </p>
      <div class="buttons">
        <button type="button" aria-pressed={isCalling.value} onClick={() => (isCalling.value = !isCalling.value)}>
          Keep calling
        </button>
        <span>
          {answered} answered, {failed} failed
        </span>
      </div>
      {failure && (
        <p class="complaint" role="alert">
          <code>{failure.problem.code}</code>: {wordsFor(failure.problem.code).means}
        </p>
      )}
      {services.length === 0 ? <Empty>Nothing was called yet.</Empty> : <Keys services={services} />}
    </section>
  );
}

function Keys({ services }: { readonly services: readonly ServiceKeys[] }) {
  return (
    <dl class="facts">
      {services.map(({ service, kids }) => (
        <div key={service}>
          <dt>{service} got a token of</dt>
          <dd>
            {kids.map((kid, i) => (
              <span key={`${i} ${kid}`}>
                {i > 0 && (
                  <>
                    {' '}
                    <span aria-hidden="true">→</span>
                    <span class="hidden"> and then </span>{' '}
                  </>
                )}
                {i > 0 && i === kids.length - 1 ? <mark>{shortKid(kid)}</mark> : <code>{shortKid(kid)}</code>}
              </span>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}
