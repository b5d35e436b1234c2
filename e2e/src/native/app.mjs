// An app on a device: it does one thing and ends, and keeps nothing but its refresh token.
// Usage: node app.mjs <settings as JSON> <what to do> [credentials as JSON]. Writes what came of it, as JSON.
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createNativeSessionClient } from '../../../libs/session-client/dist/index.js';

const [settings, what, credentials] = process.argv.slice(2);
const { baseUrl, tokenEndpoint, clientId, file } = JSON.parse(settings);
const session = createNativeSessionClient({
  baseUrl,
  tokenEndpoint,
  clientId,
  storage: {
    load: () => readFile(file, 'utf8').catch(() => undefined),
    save: async (refreshToken) => {
      // As one that is killed when the server has answered, and before it could write that down.
      if (what === 'crash') process.exit(1);
      await writeFile(`${file}.new`, refreshToken, { mode: 0o600, flush: true });
      await rename(`${file}.new`, file);
    },
    clear: () => rm(file, { force: true }),
  },
});

const tasks = {
  login: async () => {
    await session.login(JSON.parse(credentials));
    return session.state;
  },
  call: async () => {
    const { subject } = await (await session.fetch('/api/whoami')).json();
    return { state: session.state, subject };
  },
  crash: () => session.accessToken(),
  logout: async () => {
    await session.resume();
    await session.logout();
    return session.state;
  },
};

const result = await tasks[what]().catch(({ code }) => ({ code }));
process.stdout.write(JSON.stringify(result));
session.close();
