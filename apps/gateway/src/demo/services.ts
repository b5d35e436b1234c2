/** What runs, as it is told to people. */
export const SERVICES = Object.freeze([
  { name: 'gateway', does: 'the edge: verifies, then relays' },
  { name: 'auth', does: 'logs in, publishes keys, exchanges tokens' },
  { name: 'resource', does: 'documents: verifies again' },
  { name: 'audit', does: 'the second hop: who did what for whom' },
] as const);
