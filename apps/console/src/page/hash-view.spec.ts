import { viewOf } from './hash-view';

it.each([
  ['#keys', 'keys'],
  ['', 'relay'],
  ['#', 'relay'],
  ['#nothing', 'relay'],
  ['#__proto__', 'relay'],
])('the hash %j shows %s', (hash, view) => {
  expect(viewOf(hash)).toBe(view);
});
