import { usersCommand } from './cli/users-command';

void usersCommand(process.argv.slice(2), {
  environment: process.env,
  input: process.stdin,
  terminal: process.stderr,
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
