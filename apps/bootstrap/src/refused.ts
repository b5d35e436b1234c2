/** What was asked for is not done, for a reason that the message says in one line, without anything secret. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** What was asked for can't be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
