import { type User } from '../user-record';

/** A line each, under a heading. Never a hash. */
export function printUsers(users: readonly User[]): string {
  const rows = users.map(({ username, sub, disabled, scopes }) => [
    username,
    sub,
    disabled ? 'disabled' : 'enabled',
    scopes.join(' '),
  ]);
  const table = [['username', 'sub', 'state', 'scopes'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
