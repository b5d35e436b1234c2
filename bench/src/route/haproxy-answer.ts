import { startHaproxy } from '../harness/haproxy';
import { type Served } from '../harness/served';
import { answerFor, NOBODY } from './answer';

/** What asks can do at most: HAProxy answers the same, whatever it is asked, and faster than any server of Node. */
export function haproxyAnswer(label: string): Promise<Served> {
  const answer = JSON.stringify(answerFor(NOBODY));
  return startHaproxy({
    label,
    place: 'measured',
    rules: [`http-request return status 200 content-type "application/json; charset=utf-8" string '${answer}'`],
    probe: '/',
  });
}
