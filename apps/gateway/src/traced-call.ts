import { currentRelayContext, startClientSpan } from '@token-relay/jwt-guard';

/** A call to a service that goes past the relay's own client, as far as traces tell of it. */
export interface TracedCall {
  /** What the service is called. */
  readonly to: string;
  readonly method: string;
  /** Where to; what stands in its query is left out. */
  readonly url: string;
}

/**
 * Makes a call to a service within a span of its own.
 *
 * @param send is given the `traceparent` that the call has to carry, if any
 */
export async function tracedCall<Answer>(
  { to, method, url }: TracedCall,
  send: (traceparent: string | undefined) => Promise<Answer>,
  statusOf: (answer: Answer) => number | undefined,
): Promise<Answer> {
  const span = startClientSpan(`${method} ${to}`, {
    'http.request.method': method,
    'url.full': url.split('?', 1)[0] ?? '',
    'token_relay.destination': to,
  });
  try {
    const answer = await send(span?.traceparent ?? currentRelayContext()?.traceparent);
    span?.answered(statusOf(answer));
    return answer;
  } catch (error) {
    span?.failed(error);
    throw error;
  }
}
