import { plainText } from './plain-text';

it.each([
  ['as it is', 'as it is'],
  ['Zoë, 東京 – “ok”\n', 'Zoë, 東京 – “ok”\n'],
  ['a\u202eb', 'a\\u202eb'],
  ['\u2066x\u2069', '\\u2066x\\u2069'],
  ['\u200bz\u0007', '\\u200bz\\u0007'],
])('%j is shown as %j', (text, shown) => {
  expect(plainText(text)).toBe(shown);
});
