import { type TokenVerifier } from '../../core/token-verifier';
import { type StandingWatch } from '../standing-watch';
import { connectionOf } from './socket-connection';
import { SocketSession } from './socket-session';

interface Emitter {
  once?(event: string, listener: () => void): unknown;
}

/** The sockets of an app that are open. */
export class SocketSessions {
  readonly #byClient = new WeakMap<object, SocketSession>();

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly standing: StandingWatch,
  ) {}

  of(client: object): SocketSession | undefined {
    return this.#byClient.get(client);
  }

  open(client: object): SocketSession {
    const session = new SocketSession(connectionOf(client), this.verifier, this.standing);
    this.#byClient.set(client, session);
    // `close` of ws, `disconnect` of Socket.IO.
    for (const event of ['close', 'disconnect']) (client as Emitter).once?.(event, () => session.forget());
    return session;
  }
}
