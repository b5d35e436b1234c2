import { opened, sealed, type TabMessage } from './tab-message.js';

const SENT_AT = 1_000_000;
const token: TabMessage = {
  type: 'token',
  by: 'login',
  value: 'x',
  lifeMs: 300_000,
  ageMs: 0,
  afterRefusal: false,
};

describe('a message of another tab', () => {
  it.each<TabMessage>([
    { type: 'ask' },
    { type: 'logout' },
    token,
    { ...token, by: 'refresh', ageMs: 1, afterRefusal: true },
    { type: 'ended', ageMs: 5 },
    { type: 'wait', code: 'store_unavailable', milliseconds: 1_000 },
  ])('is read as it was sent: %j', (message) => {
    const data = structuredClone(sealed(message, SENT_AT));
    expect(opened(data, SENT_AT)).toEqual({ message, delayMs: 0 });
  });

  it.each([
    [0, 0],
    [12_345, 12_345],
    [-5_000, 0],
  ])('heard %d ms after it was sent is %d ms late', (later, delayMs) => {
    expect(opened(sealed({ type: 'ask' }, SENT_AT), SENT_AT + later)?.delayMs).toBe(delayMs);
  });

  const good = sealed(token, SENT_AT) as object;
  it.each([
    undefined,
    null,
    'ask',
    {},
    { type: 'ask' },
    { ...good, version: 2 },
    { ...good, sentAt: NaN },
    { ...good, sentAt: '0' },
    { ...good, type: 'toString' },
    { ...good, by: 'theft' },
    { ...good, value: '' },
    { ...good, value: 1 },
    { ...good, lifeMs: Infinity },
    { ...good, ageMs: -1 },
    { ...good, afterRefusal: undefined },
    { ...good, type: 'ended', ageMs: undefined },
    { ...good, type: 'wait', code: 'something_new', milliseconds: 1 },
    { ...good, type: 'wait', code: 'login_busy' },
  ])('that is none is not read: %j', (data) => {
    expect(opened(data, SENT_AT)).toBeUndefined();
  });
});
