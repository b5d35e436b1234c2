/**
 * Has SIGTERM and SIGINT wait for `runService`. Without a listener the kernel drops a signal to process 1, as a service
 * in a container is, and one that comes while modules are loaded would be lost. To be imported before them: it loads
 * nothing. A signal is told of when all are loaded, and then `runService` listens too.
 */
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
