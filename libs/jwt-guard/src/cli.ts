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
  process.exitCode = exitCode;
});
