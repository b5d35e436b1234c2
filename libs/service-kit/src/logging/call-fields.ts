import { currentRelayContext, type RelayContext } from '@token-relay/jwt-guard';

/** What a line says of the call that it belongs to. */
export interface CallFields {
  /** Of W3C Trace Context: 32 hexadecimal digits. */
  readonly traceId: string;
  readonly transactionId: string;
  /** For whom the call is: `sub`. Absent where nobody was asked to prove it. */
  readonly subject?: string;
  /** The services that act for the subject, the one that calls first. Absent where there are none. */
  readonly actor?: readonly string[];
  /** The client that asked for the token. */
  readonly clientId?: string;
}

/** Of the current call; nothing outside of one. */
export function callFields(context: RelayContext | undefined = currentRelayContext()): CallFields | object {
  if (!context) return {};
  const { traceparent, transactionId, principal } = context;
  // Written out: this is done for every line.
  const fields: { -readonly [Name in keyof CallFields]: CallFields[Name] } = {
    traceId: traceparent.slice(3, 35),
    transactionId,
  };
  if (!principal) return fields;
  const { subject, actor, clientId } = principal;
  fields.subject = subject;
  if (actor.length > 0) fields.actor = actor;
  if (clientId !== undefined) fields.clientId = clientId;
  return fields;
}
