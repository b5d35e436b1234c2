import { currentRelayContext, type Principal, type RelayContext } from '@token-relay/jwt-guard';

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

type Writable<Fields> = { -readonly [Name in keyof Fields]: Fields[Name] };

/** Of the current call; nothing outside of one. */
export function callFields(context: RelayContext | undefined = currentRelayContext()): CallFields | object {
  if (!context) return {};
  const { traceparent, transactionId, principal } = context;
  const fields: Writable<CallFields> = { traceId: traceparent.slice(3, 35), transactionId };
  if (principal) addCaller(fields, principal);
  return fields;
}

/** What a line says of whoever makes a call. */
export function callerFields(principal: Principal): Pick<CallFields, 'subject' | 'actor' | 'clientId'> {
  const fields = {};
  addCaller(fields, principal);
  return fields;
}

/** Written out: this is done for every line. */
function addCaller(fields: Partial<Writable<CallFields>>, { subject, actor, clientId }: Principal): void {
  fields.subject = subject;
  if (actor.length > 0) fields.actor = actor;
  if (clientId !== undefined) fields.clientId = clientId;
}
