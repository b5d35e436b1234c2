import { randomBytes, randomUUID } from 'node:crypto';
import { slotOf } from '../store/slot';
import { firstRefreshToken, isRefreshToken, parseRefreshToken, successorOf, unsealed } from './refresh-token';

describe('a refresh token', () => {
  const subject = randomUUID();
  const token = firstRefreshToken(subject);

  it('is rt_ and 84 characters of base64url, of which 48 bytes are random', () => {
    expect(token.text).toMatch(/^rt_[A-Za-z0-9_-]{84}$/);
    expect(firstRefreshToken(subject).text.slice(0, 19)).toBe(token.text.slice(0, 19));
    expect(firstRefreshToken(subject).text.slice(19)).not.toBe(token.text.slice(19));
  });

  it('leads to its session, and is stored as what it can not be made of', () => {
    expect(token.sessionId).toMatch(new RegExp(`^${slotOf(subject)}[A-Za-z0-9_-]{22}$`));
    expect(token.hash).toMatch(/^[A-Za-z0-9_-]{43}$/);
    for (const part of [token.sessionId.slice(16), token.hash]) expect(token.text).not.toContain(part);
  });

  it('comes back as it was', () => {
    expect(parseRefreshToken(token.text)).toEqual(token);
  });

  it.each([
    ['', 'nothing'],
    [token.text.slice(0, -1), 'a character less'],
    [`${token.text}A`, 'a character more'],
    [token.text.replace('rt_', 'RT_'), 'another beginning'],
    [`${token.text.slice(0, -1)}=`, 'a character that base64url has not'],
    [`${token.text.slice(0, -1)}\n`, 'a line break at its end'],
    ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', 'the parts of an access token'],
  ])('is none with %j: %s', (text) => {
    expect(isRefreshToken(text)).toBe(false);
    expect(parseRefreshToken(text)).toBeUndefined();
  });

  it('has successors of the same session, each with a secret of its own', async () => {
    const [one, two] = [await successorOf(token), await successorOf(token)];
    expect([one.successor.sessionId, two.successor.sessionId]).toEqual([token.sessionId, token.sessionId]);
    expect(new Set([token.hash, one.successor.hash, two.successor.hash]).size).toBe(3);
  });

  it('opens the successor that was sealed for it, and no other token does', async () => {
    const { successor, sealed } = await successorOf(token);
    expect(await unsealed(token, sealed)).toEqual(successor);
    expect(sealed).not.toContain(successor.text.slice(-43));
    for (const other of [successor, firstRefreshToken(subject), (await successorOf(token)).successor]) {
      await expect(unsealed(other, sealed)).rejects.toThrow();
    }
  });

  it('opens nothing that was changed in the store', async () => {
    const { sealed } = await successorOf(token);
    const parts = sealed.split('.');
    parts[3] = randomBytes(32).toString('base64url');
    await expect(unsealed(token, parts.join('.'))).rejects.toThrow();
    const header = Buffer.from(JSON.stringify({ alg: 'none', enc: 'A256GCM' })).toString('base64url');
    await expect(unsealed(token, [header, ...sealed.split('.').slice(1)].join('.'))).rejects.toThrow();
  });
});
