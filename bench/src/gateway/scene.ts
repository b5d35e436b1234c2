import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounts } from '../harness/accounts';
import { login, publicKeyOf, startAuth } from '../harness/auth';
import { type Bench } from '../harness/part';
import { type Served } from '../harness/served';
import { type Contender } from './contenders';
import { type Surroundings } from './our-gateway';
import { checkOutcome } from './outcome';
import { startUpstream } from './upstream';

/** The longest that auth allows: a whole run takes less. */
const TOKEN_SECONDS = 900;

/** A token of a user, and who that is. */
export interface UserToken {
  readonly token: string;
  readonly subject: string;
}

/** Everything that is there to measure with, but for who is measured. */
export interface Scene {
  readonly upstream: Served;
  readonly tokens: readonly UserToken[];
  /** Starts a contender, and checks that it does what it is measured with. */
  readonly open: (contender: Contender) => Promise<Served>;
}

/** @param users how many tokens there are, each of another user */
export async function onScene<Result>(
  bench: Bench,
  users: number,
  act: (scene: Scene) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'token-relay-bench-'));
  const accounts = await Accounts.create(users);
  const running: Served[] = [];
  const kept = async <Kind extends Served>(starting: Promise<Kind>): Promise<Kind> => {
    const served = await starting;
    running.push(served);
    return served;
  };
  try {
    bench.progress(`gateway: auth and the service start, and ${users} users log in`);
    const upstream = await kept(startUpstream(bench, folder));
    const auth = await kept(
      startAuth(bench, { label: 'auth', place: 'around', accounts, tokenSeconds: TOKEN_SECONDS }),
    );
    const tokens: UserToken[] = [];
    for (const user of accounts.users) tokens.push({ token: await login(auth.url, user), subject: user.sub });
    const [first] = tokens;
    if (!first) throw new Error('nobody has logged in');
    const around: Surroundings = {
      folder,
      auth: auth.url,
      secret: accounts.secret,
      upstream: upstream.url,
      publicKey: await publicKeyOf(auth.url, first.token),
    };
    const open = async (contender: Contender): Promise<Served> => {
      bench.progress(`gateway: ${contender.label} starts`);
      const served = await kept(contender.start(bench, contender.label, around));
      await checkOutcome(contender, served.url, first);
      return served;
    };
    return await act({ upstream, tokens, open });
  } finally {
    // The last that has begun first: a gateway without its issuer would have something to say.
    for (const served of running.reverse()) await served.stop();
    await accounts.remove();
    await rm(folder, { recursive: true });
  }
}
