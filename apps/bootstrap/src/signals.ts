import { constants } from 'node:os';

// As process 1 in a container it would go on otherwise. Nothing has to be tidied up: what was begun is made by the next run.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}
