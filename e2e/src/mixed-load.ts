import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Device } from './device';
import { type ReplicatedSystem } from './replicated-system';
import { type Username } from './system';

const PATIENCE_MS = 8_000;
/** Within that time every service knows of a revocation. */
const REVOCATION_LIMIT_MS = 2_000;
/** A user may have 100. */
const MOST_DOCUMENTS = 90;
const PAUSES_MS = { read: 150, whoami: 150, write: 500, refresh: 700, login: 4_000, logout: 4_000 };

/**
 * Clients that do at a steady pace what users do, on connections that they keep: read and write documents, ask who they
 * are, refresh, log in, log out, and follow streams. Everything has to go well.
 */
export class MixedLoad {
  /** What went wrong. */
  readonly failures: string[] = [];
  /** How often what was done. */
  readonly counts: Record<string, number> = {};
  /** Documents that were created. */
  readonly documents: string[] = [];
  readonly #devices: Device[] = [];
  readonly #over = new AbortController();
  readonly #ended: Promise<unknown>;

  private constructor(
    private readonly system: ReplicatedSystem,
    tokens: readonly string[],
    devices: readonly Device[],
  ) {
    this.#devices.push(...devices);
    const [alice = '', bob = ''] = tokens;
    this.#ended = Promise.all([
      ...tokens.flatMap((token) => [
        this.#repeat('read', () => this.#ask('GET', '/api/documents', token, 200)),
        this.#repeat('whoami', () => this.#ask('GET', '/api/whoami', token, 200)),
        this.#repeat(
          'write',
          counted(MOST_DOCUMENTS, () => this.#write(token)),
        ),
      ]),
      ...devices.map((device) => this.#repeat('refresh', () => this.#refresh(device))),
      this.#repeat('login', () => this.#login('carol')),
      this.#repeat('logout', () => this.#logout()),
      this.#repeat('events', () => this.#followEvents(alice)),
      this.#repeat('messages', () => this.#followMessages(bob)),
    ]);
  }

  static async start(system: ReplicatedSystem): Promise<MixedLoad> {
    const devices = ['alice', 'bob', 'admin'].map(() => new Device(system.url));
    const tokens: string[] = [];
    for (const [i, name] of (['alice', 'bob', 'admin'] as const).entries()) {
      const device = devices[i];
      if (device) tokens.push(await device.login(system.accounts[name]));
    }
    return new MixedLoad(system, tokens, devices);
  }

  /** Ends it. Everybody who has a session refreshes once more. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#ended;
    for (const device of this.#devices) await this.#attempt('refresh', () => this.#refresh(device));
  }

  async #repeat(name: string, act: () => Promise<unknown>): Promise<void> {
    const pauseMs = (PAUSES_MS as Partial<Record<string, number>>)[name] ?? 0;
    while (!this.#over.signal.aborted) {
      await this.#attempt(name, act);
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }

  async #attempt(name: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    } catch (error) {
      const { message, cause } = error as Error;
      this.failures.push(`${name}: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`);
    }
  }

  async #ask(method: string, path: string, token: string, expected: number, body?: object): Promise<string> {
    const answer = await fetch(`${this.system.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    if (answer.status !== expected) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
    return text;
  }

  async #write(token: string): Promise<void> {
    const { id } = JSON.parse(await this.#ask('POST', '/api/documents', token, 201, { title: 'x' })) as { id: string };
    this.documents.push(id);
  }

  async #refresh(device: Device): Promise<void> {
    const { status, code } = await device.refresh();
    if (status !== 200) throw new Error(`${status} ${code}`);
  }

  async #login(username: Username): Promise<[Device, string]> {
    const device = new Device(this.system.url);
    return [device, await device.login(this.system.accounts[username])];
  }

  /** What is revoked is refused soon, and from then on for ever, whichever process is asked. */
  async #logout(): Promise<void> {
    const [device, token] = await this.#login('carol');
    await this.#ask('GET', '/api/whoami', token, 200);
    const answer = await device.send('POST', '/auth/logout');
    if (answer.status !== 204) throw new Error(`logout: ${answer.status}`);
    await sleep(REVOCATION_LIMIT_MS);
    for (let i = 0; i < 5; i++) {
      const text = await this.#ask('GET', '/api/documents', token, 401);
      if (!text.includes('token_revoked')) throw new Error(text);
    }
  }

  /** Until the server ends the stream, which is no failure; that it breaks off is one. */
  async #followEvents(token: string): Promise<void> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    this.#over.signal.addEventListener('abort', end);
    try {
      const answer = await fetch(`${this.system.url}/events`, {
        headers: { authorization: `Bearer ${token}` },
        signal: ending.signal,
      });
      let text = '';
      for await (const chunk of answer.body ?? [])
        text = (text + Buffer.from(chunk as Uint8Array).toString()).slice(-300);
      if (answer.status !== 200 || !text.endsWith('\n\n')) throw new Error(`${answer.status} ${text}`);
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    } finally {
      this.#over.signal.removeEventListener('abort', end);
    }
  }

  /** Until the other side goes away and says so; that it is just gone is a failure. */
  async #followMessages(token: string): Promise<void> {
    const socket = new WebSocket(`${this.system.url.replace('http', 'ws')}/live`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const end = (): void => socket.terminate();
    this.#over.signal.addEventListener('abort', end);
    try {
      const [code] = (await once(socket, 'close')) as [number];
      if (code !== 1001) throw new Error(`closed with ${code}`);
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    } finally {
      this.#over.signal.removeEventListener('abort', end);
    }
  }
}

/** Does something so many times, and then nothing. */
function counted(most: number, act: () => Promise<unknown>): () => Promise<unknown> {
  let left = most;
  return async () => {
    if (left-- > 0) await act();
  };
}
