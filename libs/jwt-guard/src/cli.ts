#!/usr/bin/env node
import { buffer } from 'node:stream/consumers';
import { explainCommand } from './cli/explain-command';

void explainCommand(process.argv.slice(2), {
  // Knows NO_COLOR, FORCE_COLOR and what the terminal can do.
  colors: process.stdout.isTTY && process.stdout.hasColors(),
  readInput: async () => (await buffer(process.stdin)).toString('utf8'),
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
}).then((exitCode) => {
  process.exitCode ??= exitCode;
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    // Who doesn't read on has read enough; whoever can't be told has no verdict.
    if (code !== 'EPIPE') process.exitCode = 2;
  });
}
