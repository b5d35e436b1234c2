import { bootstrapCommand } from './bootstrap-command';

// What is made for the group is for the group, and nothing is for others, whatever this was started with.
process.umask(0o027);

void bootstrapCommand(process.argv.slice(2), {
  environment: process.env,
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
