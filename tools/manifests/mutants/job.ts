import { at, inContainer, JOB, type Row, without } from './change';

export const job: readonly Row[] = [
  ['none', without('Job', JOB), /0 Jobs make the Secrets/],
  ['one that gives up', at('Job', JOB, 'spec/backoffLimit', 2), /bootstrap-0-1-0 gives up at once/],
  ['another program', inContainer(JOB, 'command/1', 'apps/bootstrap/dist/mian.js'), /does not run bootstrap/],
  ['another place', inContainer(JOB, 'command/2', 'files'), /does not run bootstrap/],
  ['a word besides', inContainer(JOB, 'command/3', 'now'), /does not run bootstrap/],
  ['other words', inContainer(JOB, 'args', ['kubernetes']), /does not run bootstrap/],
];
