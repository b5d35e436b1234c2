import { pastedToken } from './pasted-token';

it.each([
  'a.b.c',
  ' a.b.c\n',
  'Bearer a.b.c',
  'authorization: bearer a.b.c',
  '"a.b.c",',
  "'a.b.c'",
  '“a.b.c”',
  'a.b\n  .c',
  '"Bearer a.b.c"',
  "-H 'authorization: Bearer a.b.c'",
  '"authorization": "Bearer a.b.c",',
])('takes %j for the token a.b.c', (text) => {
  expect(pastedToken(text)).toBe('a.b.c');
});

it('takes nothing for nothing', () => {
  expect(pastedToken(' \n ')).toBe('');
});
