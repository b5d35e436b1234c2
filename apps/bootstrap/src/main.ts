import './signals';
import { bootstrapCommand } from './bootstrap-command';

// What is made for the group is for the group, and nothing is for others, whatever this was started with.
process.umask(0o027);

// Who has read enough has closed the pipe.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  process.stderr.write(`bootstrap: standard output fails with ${code}: what was made is there, the rest is not\n`);
  process.exit(1);
});
process.stderr.on('error', () => process.exit(1));

void bootstrapCommand(process.argv.slice(2), {
  environment: process.env,
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
