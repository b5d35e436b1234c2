import { EventEmitter } from 'node:events';
import { type ServerResponse } from 'node:http';
import { EventClient } from './event-client';

/** An answer whose client reads when it is told to. */
class Answer extends EventEmitter {
  text = '';
  writableLength = 0;
  writableEnded = false;
  destroyed = false;

  write(text: string): void {
    this.text += text;
    this.writableLength += text.length;
  }
  end(): void {
    this.writableEnded = true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
  read(): string {
    const { text } = this;
    this.text = '';
    this.writableLength = 0;
    return text;
  }
}

describe('EventClient', () => {
  let answer: Answer;
  let client: EventClient;

  beforeEach(() => {
    jest.useFakeTimers();
    answer = new Answer();
    client = new EventClient(answer as unknown as ServerResponse, 1_000);
  });
  afterEach(() => {
    client.end();
    jest.useRealTimers();
  });

  it('writes events as a browser reads them', () => {
    client.send('verified', { service: 'gateway', ms: 0.1 });
    expect(answer.text).toBe('event: verified\ndata: {"service":"gateway","ms":0.1}\n\n');
  });

  it('keeps nothing for a client that does not read, and tells it how much that was', () => {
    for (let i = 0; i < 10_000; i++) client.send('called', { i });
    const { length } = answer.text;
    expect(length).toBeLessThan(64 * 1024 + 100);
    const written = answer.read().split('\n\n').length - 1;
    client.send('called', { i: 'next' });
    expect(answer.text).toBe(
      `event: missed\ndata: {"events":${10_000 - written}}\n\nevent: called\ndata: {"i":"next"}\n\n`,
    );
  });

  it('writes a comment from time to time, so that nobody takes it for dead', () => {
    jest.advanceTimersByTime(1_000);
    expect(answer.read()).toBe(': \n\n');
    jest.advanceTimersByTime(1_000);
    expect(answer.read()).toBe(': \n\n');
  });

  it('gives up a client that takes nothing for two of them, and none that has read between', () => {
    client.send('called', {});
    jest.advanceTimersByTime(1_000);
    answer.read();
    jest.advanceTimersByTime(1_000);
    expect(answer.destroyed).toBe(false);
    jest.advanceTimersByTime(2_000);
    expect(answer.destroyed).toBe(true);
  });

  it('writes nothing any more once it has ended', () => {
    client.end();
    client.send('called', {});
    jest.advanceTimersByTime(5_000);
    expect(answer.text).toBe('');
  });

  it('gives up a client that does not take the end either, and waits for one that does', () => {
    client.send('called', {});
    client.end();
    jest.advanceTimersByTime(1_000);
    expect(answer.destroyed).toBe(false);
    jest.advanceTimersByTime(1_000);
    expect(answer.destroyed).toBe(true);
    const other = new Answer();
    const reading = new EventClient(other as unknown as ServerResponse, 1_000);
    reading.send('called', {});
    reading.end();
    jest.advanceTimersByTime(1_000);
    other.read();
    jest.advanceTimersByTime(5_000);
    expect([other.destroyed, other.text]).toEqual([false, '']);
  });
});
