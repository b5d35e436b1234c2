import { isTooLarge, pastedToken } from './pasted-token';

it.each([
  'eyJh.eyJz.c2ln',
  ' eyJh.eyJz.c2ln\n',
  'authorization: bearer eyJh.eyJz.c2ln',
  '“eyJh.eyJz.c2ln”',
  "-H 'authorization: Bearer eyJh.eyJz.c2ln'",
  '"authorization": "Bearer eyJh.eyJz.c2ln",',
  'curl -H "authorization: Bearer eyJh.eyJz.c2ln" https://localhost:3000/api/documents',
  'curl https://a.b.c/ \\\n  -H "authorization: Bearer eyJh.eyJz.c2ln" \\\n  -H "accept: a.b"',
  'curl -H "authorization: Bearer eyJh.ey\\\nJz.c2\\\nln" https://localhost:3000',
  '{"access_token":"eyJh.eyJz.c2ln","token_type":"Bearer"}',
  'TOKEN=eyJh.eyJz.c2ln',
  'export TOKEN="eyJh.eyJz.c2ln";',
  '\uFEFFeyJh.ey\u200BJz.c2ln\u200B',
  'eyJh.\r\n  eyJz\r\n  .c2\r\nln\r\n',
  'eyJh.ey  \nJz.c2\nln"',
  'The token is eyJh.eyJz.c2ln.',
])('finds the token eyJh.eyJz.c2ln in %j', (text) => {
  expect(pastedToken(text)).toBe('eyJh.eyJz.c2ln');
});

it.each([
  ['eyJh.eyJz.c2ln and more', 'eyJh.eyJz.c2ln'],
  ['eyJh.eyJz.c2ln\nexpires in 300', 'eyJh.eyJz.c2ln'],
  ['eyJh.eyJz.c2ln \\\n  https://localhost', 'eyJh.eyJz.c2ln'],
  ['eyJh.eyJz.c2ln\n\nregards', 'eyJh.eyJz.c2ln'],
  ['eyJh.eyJz.c2ln\neyJo.eyJ0.c2ln', 'eyJh.eyJz.c2ln'],
  ['they.say.so: eyJh.eyJz.c2ln', 'eyJh.eyJz.c2ln'],
  ['eyJh.eyJz.', 'eyJh.eyJz.'],
  ['eyJh.eyJz. is signed by nobody', 'eyJh.eyJz.'],
  ['eyJh.eyJz.c2ln.more.parts', 'eyJh.eyJz.c2ln.more.parts'],
  // A header that was written over several lines.
  ['Bearer ewog.eyJz.c2ln', 'ewog.eyJz.c2ln'],
  ['no token, a.b.c', 'notoken,a.b.c'],
])('takes no other words of %j for more of the token', (text, token) => {
  expect(pastedToken(text)).toBe(token);
});

it('knows when a token is larger than what the gateway takes, in bytes and with what is around it', () => {
  const around = '{"token":""}'.length;
  expect(isTooLarge('a'.repeat(16_384 - around))).toBe(false);
  expect(isTooLarge('a'.repeat(16_384 - around + 1))).toBe(true);
  expect(isTooLarge('ä'.repeat((16_384 - around) / 2))).toBe(false);
  expect(isTooLarge('ä'.repeat((16_384 - around) / 2 + 1))).toBe(true);
});

it.each([
  [19_900, true],
  [20_100, false],
])('searches a text of %d characters and a token: %s', (length, isFound) => {
  const text = `${'word '.repeat(length / 5)}eyJh.eyJz.c2ln`;
  expect(pastedToken(text) === 'eyJh.eyJz.c2ln').toBe(isFound);
});

it('takes nothing for nothing', () => {
  expect(pastedToken(' \n ')).toBe('');
});
