import { isSessionErrorCode, type SessionErrorCode } from './session-error.js';
import { isObject } from './session-http.js';

/** What tabs of one origin tell each other. What is newer is decided by ages: milliseconds when it was sent. */
export type TabMessage =
  /** Has anybody a token that is fresh? */
  | { readonly type: 'ask' }
  /** Here is one, by a login or by a refresh. It goes from memory to memory. */
  | {
      readonly type: 'token';
      readonly by: 'login' | 'refresh';
      readonly value: string;
      readonly lifeMs: number;
      /** Since it was asked for. */
      readonly ageMs: number;
      readonly afterRefusal: boolean;
    }
  /** The user has logged out. */
  | { readonly type: 'logout' }
  /** The server says that the session has ended. */
  | {
      readonly type: 'ended';
      /** Since it was asked. */
      readonly ageMs: number;
    }
  /** The server is not to be asked for so long. */
  | { readonly type: 'wait'; readonly code: SessionErrorCode; readonly milliseconds: number };

/** What was heard, and how long it took: tabs that sleep hear late. */
export interface Heard {
  readonly message: TabMessage;
  /** Milliseconds */
  readonly delayMs: number;
}

/** Tabs may run different versions of the page. */
const VERSION = 1;

export function sealed(message: TabMessage, wallMs: number): unknown {
  return { ...message, version: VERSION, sentAt: wallMs };
}

/** @returns undefined for whatever isn't a message of this version */
export function opened(data: unknown, wallMs: number): Heard | undefined {
  if (!isObject(data) || data.version !== VERSION || !isNumber(data.sentAt)) return undefined;
  const message = messageOf(data);
  return message && { message, delayMs: Math.max(0, wallMs - data.sentAt) };
}

function messageOf(data: Readonly<Record<string, unknown>>): TabMessage | undefined {
  const { type, by, value, lifeMs, ageMs, afterRefusal, code, milliseconds } = data;
  switch (type) {
    case 'ask':
    case 'logout':
      return { type };
    case 'token':
      if ((by !== 'login' && by !== 'refresh') || typeof value !== 'string' || value === '') return undefined;
      if (!isNumber(lifeMs) || !isNumber(ageMs) || typeof afterRefusal !== 'boolean') return undefined;
      return { type, by, value, lifeMs, ageMs, afterRefusal };
    case 'ended':
      return isNumber(ageMs) ? { type, ageMs } : undefined;
    case 'wait':
      return isSessionErrorCode(code) && isNumber(milliseconds) ? { type, code, milliseconds } : undefined;
    default:
      return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
