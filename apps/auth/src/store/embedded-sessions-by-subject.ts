import { type EmbeddedSession } from './embedded-session';

/** Which sessions a subject has. Nearly everybody has one, which takes no set. */
export class SessionsBySubject {
  readonly #sessions = new Map<string, EmbeddedSession | Set<EmbeddedSession>>();

  /** @returns how many its subject has */
  add(session: EmbeddedSession): number {
    const found = this.#sessions.get(session.subject);
    if (found instanceof Set) return found.add(session).size;
    const isOnly = found === undefined || found === session;
    this.#sessions.set(session.subject, isOnly ? session : new Set([found, session]));
    return isOnly ? 1 : 2;
  }

  delete(session: EmbeddedSession): void {
    const found = this.#sessions.get(session.subject);
    if (found === session) this.#sessions.delete(session.subject);
    if (!(found instanceof Set) || !found.delete(session) || found.size > 1) return;
    for (const last of found) this.#sessions.set(session.subject, last);
  }

  /** Those that there are now. */
  of(subject: string): EmbeddedSession[] {
    const found = this.#sessions.get(subject);
    if (!found) return [];
    return found instanceof Set ? [...found] : [found];
  }
}
