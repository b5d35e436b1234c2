import argon2 from 'argon2';
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { scope } from '../../parse-file';
import { ARGON2ID } from '../argon2id';
import { type User, username as usernameSchema } from '../user-record';
import { printUsers } from './print-users';
import { type PasswordSource, readPassword } from './read-password';
import { Refused, UsageError } from './refused';
import { openUserStore, type UserStore } from './user-store';

export interface CommandIo extends PasswordSource {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}

const USAGE = `Usage: users <command>

  add <username> [--scopes "<scope> <scope>"] [--password-file <path>]
  passwd <username> [--password-file <path>]
  disable <username>
  enable <username>
  list

Users are in the file that USERS_FILE names, or else in the Redis that REDIS_URL does. A password has 12 characters or
more. It is asked for on a terminal, or read from standard input or from --password-file: one line. Whoever is disabled
or gets another password loses what was given before.

Exit code: 0 done, 1 refused, 2 not understood.
`;

const OPTIONS = {
  scopes: { type: 'string' },
  'password-file': { type: 'string' },
  // The users' file where the environment names none, and no Redis: for who starts this in a place that has one.
  'fallback-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
type OptionName = keyof typeof OPTIONS;
type Command = (store: UserStore, username: string, values: Values, io: CommandIo) => Promise<string>;

const COMMANDS: Readonly<Record<string, { run: Command; takes: readonly OptionName[] }>> = {
  add: { run: add, takes: ['scopes', 'password-file'] },
  passwd: { run: passwd, takes: ['password-file'] },
  disable: { run: disable, takes: [] },
  enable: { run: enable, takes: [] },
};

/** @returns the exit code */
export async function usersCommand(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help || positionals.length === 0) {
      (values.help ? io.write : io.warn)(USAGE);
      return values.help ? 0 : 2;
    }
    io.write(`${await run(positionals, values, io)}\n`);
    return 0;
  } catch (error) {
    io.warn(`users: ${oneLine((error as Error).message)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function run([name = '', ...names]: readonly string[], values: Values, io: CommandIo): Promise<string> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command && name !== 'list') throw new UsageError('the commands are: add, passwd, disable, enable, list');
  const takes = command?.takes ?? [];
  const stray = (Object.keys(values) as OptionName[]).find((key) => key !== 'fallback-file' && !takes.includes(key));
  if (stray !== undefined) throw new UsageError(`${name} does not take --${stray}`);
  if (names.length !== (command ? 1 : 0)) throw new UsageError(`${name} takes ${command ? 'one username' : 'no name'}`);
  const [username = ''] = names;
  if (command && !usernameSchema.safeParse(username).success) throw new UsageError('the username is none');

  const store = await openUserStore(io.environment, values['fallback-file']);
  try {
    return command ? await command.run(store, username, values, io) : printUsers(await store.list());
  } finally {
    store.close();
  }
}

async function add(store: UserStore, username: string, values: Values, io: CommandIo): Promise<string> {
  const scopes = [...new Set((values.scopes ?? '').split(/ +/).filter((one) => one !== ''))];
  if (!scopes.every((one) => scope().safeParse(one).success)) throw new UsageError('one of the scopes is none');
  const isFree = (user: User | undefined): void => {
    if (user) throw new Refused(`there is a user ${username} already`);
  };
  // Before anybody is asked for a password in vain.
  isFree(await store.find(username));
  const passwordHash = await newHash(values, io);
  const sub = randomUUID();
  const when = await store.change(username, (found) => {
    isFree(found);
    return { user: { username, sub, scopes, passwordHash }, revoke: false };
  });
  return `${username} is added (${sub}); ${when}`;
}

async function passwd(store: UserStore, username: string, values: Values, io: CommandIo): Promise<string> {
  existing(await store.find(username), username);
  const passwordHash = await newHash(values, io);
  const when = await store.change(username, (found) => ({
    user: { ...revoked(existing(found, username)), passwordHash },
    revoke: true,
  }));
  return `${username} has another password; ${when}`;
}

async function disable(store: UserStore, username: string): Promise<string> {
  const when = await store.change(username, (found) => ({
    user: { ...revoked(existing(found, username)), disabled: true },
    revoke: true,
  }));
  return `${username} is disabled; ${when}`;
}

async function enable(store: UserStore, username: string): Promise<string> {
  const when = await store.change(username, (found) => ({
    // In JSON what is undefined isn't there.
    user: { ...existing(found, username), disabled: undefined },
    revoke: false,
  }));
  return `${username} is enabled; ${when}`;
}

function existing(user: User | undefined, username: string): User {
  if (!user) throw new Refused(`there is no user ${username}`);
  return user;
}

/** Each time another second, even if it is the next: who compares has to see that something has happened again. */
function revoked(user: User): User {
  return { ...user, revokedAt: Math.max(Math.floor(Date.now() / 1000), (user.revokedAt ?? 0) + 1) };
}

async function newHash(values: Values, io: CommandIo): Promise<string> {
  return argon2.hash(await readPassword(values['password-file'], io), ARGON2ID);
}

/** Nothing that a terminal would act on, wherever it comes from. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
