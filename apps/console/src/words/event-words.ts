import { type ConsoleEvent, type ConsoleEvents } from '../api/types';
import { inMilliseconds, momentOf } from './time-words';

/** One event of the gateway as a sentence. */
export function eventWords(event: ConsoleEvent): string {
  switch (event.name) {
    case 'verified': {
      const { service, code, cached, ms } = event.data;
      const what = code === undefined ? 'took a token' : `refused a token (${code})`;
      return `${service} ${what}${took(ms)}${cached === true ? ', which it knew already' : ''}`;
    }
    case 'exchange':
      if (event.data.mode === 'forward') return `the user’s own token goes on to ${event.data.destination}`;
      return `a token for ${event.data.destination}: ${event.data.outcome}${took(event.data.ms)}`;
    case 'called': {
      const { destination, outcome, ms } = event.data;
      return `called ${destination}${outcome === undefined ? '' : `: ${outcome}`}${took(ms)}`;
    }
    case 'keys':
      return keysWords(event.data);
    case 'revoked':
      return `revoked: ${revokedWords(event.data.kind)} ${revokedId(event.data)}`;
    case 'missed':
      return `${event.data.events} more events came, too many to show`;
  }
}

const REVOKED: Readonly<Record<string, string>> = {
  jti: 'a token',
  sid: 'a session',
  sub: 'all that a user has',
  all: 'all that was issued before',
  kid: 'a key',
};

/** What a revocation is of, by the kind of its entry. */
export function revokedWords(kind: string): string {
  return Object.hasOwn(REVOKED, kind) ? (REVOKED[kind] ?? kind) : kind;
}

/** Its first characters; a point in time as a whole. */
export function revokedId({ kind, id }: Pick<ConsoleEvents['revoked'], 'kind' | 'id'>): string {
  return kind === 'all' ? momentOf(new Date(id)) : `${id}…`;
}

function keysWords({ kids }: ConsoleEvents['keys']): string {
  return `the gateway takes ${kids.length === 1 ? '1 key' : `${kids.length} keys`}`;
}

function took(ms: number | undefined): string {
  return ms === undefined ? '' : ` in ${inMilliseconds(ms)}`;
}
