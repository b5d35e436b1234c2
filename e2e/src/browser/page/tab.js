// What a test can have a tab do: `tab`. The client is loaded as it was built, without a bundler.
import { createSessionClient } from '/session-client/index.js';

const numbers = [...new URLSearchParams(location.search)].map(([name, value]) => [name, Number(value)]);
const client = createSessionClient(Object.fromEntries(numbers));
const changes = [];
client.subscribe((change) => changes.push(change));

/** Tells tokens apart without telling them. */
async function fingerprint(token) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return [...new Uint8Array(digest).slice(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const codeOf = (error) => error.code ?? String(error);

globalThis.tab = {
  changes,
  state: () => client.state,
  login: (credentials) => client.login(credentials),
  logout: () => client.logout(),
  resume: () => client.resume(),
  /** The fingerprint of the token, or the code of the error. */
  token: () => client.accessToken().then(fingerprint, codeOf),
  /** The status of the answer, or the code of the error. */
  call: (path) => client.fetch(path).then((answer) => answer.status, codeOf),
  logoutEverywhereElse: () => client.logoutEverywhere({ exceptThis: true }),

  /** What came of calls one after the other, until the tab is closed. */
  results: [],
  async keepCalling(path) {
    for (;;) {
      this.results.push(await this.call(path));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },

  /** Where in this browser anything is kept that a script can read; and whether the token is in it. */
  async kept() {
    const token = await client.accessToken();
    const databases = await indexedDB.databases();
    const kept = {
      localStorage: { ...localStorage },
      sessionStorage: { ...sessionStorage },
      cookie: document.cookie,
      databases: databases.map(({ name }) => name),
      caches: await caches.keys(),
      history: history.state,
      name: window.name,
      address: location.href,
      page: document.documentElement.outerHTML,
    };
    const holds = Object.entries(kept).filter(([, value]) => JSON.stringify(value).includes(token));
    delete kept.page;
    return { ...kept, holds: holds.map(([where]) => where) };
  },
};
