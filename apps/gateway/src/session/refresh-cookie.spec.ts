import { hasRefreshCookie } from './refresh-cookie';

describe('hasRefreshCookie', () => {
  it.each([
    '__Host-refresh=rt_x',
    '__Host-refresh=rt_x; theme=dark',
    'theme=dark; __Host-refresh=rt_x',
    'theme=dark;__Host-refresh=rt_x==;a=b',
  ])('finds it: %s', (cookie) => {
    expect(hasRefreshCookie(cookie)).toBe(true);
  });

  it.each([
    undefined,
    '',
    'theme=dark',
    'x__Host-refresh=rt_x',
    '__Host-refresh-x=rt_x',
    '__host-refresh=rt_x',
    'a=__Host-refresh=rt_x',
    '__Host-refresh',
    '__Host-refresh=',
    '__Host-refresh= ; theme=dark',
  ])('finds none: %s', (cookie) => {
    expect(hasRefreshCookie(cookie)).toBe(false);
  });
});
