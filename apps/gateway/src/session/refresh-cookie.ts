/** As auth names it. */
const NAME = '__Host-refresh';

/** Whether a `Cookie` header holds a refresh token. What that is worth, auth alone can tell. */
export function hasRefreshCookie(cookie: string | undefined): boolean {
  return (cookie ?? '').split(';').some((pair) => {
    const [name = '', ...value] = pair.split('=');
    return name.trim() === NAME && value.join('=').trim() !== '';
  });
}
