import { type Attack, type Attacker, outcomeOf, type Outcome } from './attack';
import { withoutSignature } from './forged-token';
import { type ForgedRequest } from './front-door';

const EVIL = 'evil.test';

/** RFC 9112, section 3.2; a rebound name (DNS rebinding). */
export const foreignHost: Attack = {
  name: 'foreign-host',
  title: 'A target on another host',
  explanation:
    'Three requests: one whose target is a whole URL elsewhere, one whose path begins with another host, and one ' +
    'for the demo’s passwords by a name that somebody else has pointed to this machine.',
  why:
    'Where a call goes is the contract’s to say, and never the request’s: of the target nothing but a plain path is ' +
    'taken. The demo answers to this machine’s own names.',
  async run(attacker) {
    const authorization = `Bearer ${attacker.token}`;
    const outcomes = [
      await sent(attacker, { path: `http://${EVIL}/api/documents`, headers: { authorization, host: EVIL } }),
      await sent(attacker, { path: `//${EVIL}/api/documents`, headers: { authorization } }),
      await sent(attacker, { path: '/demo/accounts', headers: { host: EVIL } }),
    ] as const;
    const [first] = outcomes;
    // The one that got through is the one to be looked at.
    const shown = outcomes.find(({ wasRefused }) => !wasRefused) ?? first;
    return { ...shown, response: { ...shown.response, detail: outcomes.map(told).join('; ') } };
  },
};

async function sent(
  { token, door, signal }: Attacker,
  { path, headers }: Pick<ForgedRequest, 'path' | 'headers'>,
): Promise<Outcome> {
  const request = { method: 'GET', path, headers } as const;
  const answer = await door.send(request, signal);
  const isSigned = headers.authorization !== undefined;
  return outcomeOf(request, isSigned ? { authorization: `Bearer ${withoutSignature(token)}` } : {}, answer);
}

function told({ request, response: { status, code } }: Outcome): string {
  const as = request.headers.host === undefined ? '' : ` as ${request.headers.host}`;
  return `${request.path}${as}: ${status}${code === undefined ? '' : ` ${code}`}`;
}
