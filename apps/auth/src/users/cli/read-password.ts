import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { Refused } from './refused';

const MIN_CHARACTERS = 12;
/** What a login takes. */
const MAX_BYTES = 1_024;

/** Where a password can come from. Never from an argument: every user of the machine can read those. */
export interface PasswordSource {
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Where questions go: not to standard output, which may be a file. */
  readonly terminal: Writable;
}

/**
 * A new password: from a file, from a person, who types it twice and unseen, or from what is piped in.
 * @throws Refused
 */
export async function readPassword(file: string | undefined, { input, terminal }: PasswordSource): Promise<string> {
  if (file !== undefined) return checked(await firstLine(createReadStream(file), '--password-file can not be read'));
  if (!input.isTTY) return checked(await firstLine(input, 'standard input can not be read'));
  const ask = asker(input, terminal);
  const password = checked(await ask('Password: '));
  if ((await ask('Once more: ')) !== password) throw new Refused('the two passwords are not the same');
  return password;
}

/** Without the line break at its end. */
async function firstLine(stream: Readable, failure: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_BYTES + 2) break;
    }
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
    return text.replace(/\r?\n$/, '');
  } catch {
    throw new Refused(failure);
  }
}

function checked(password: string): string {
  if (Buffer.byteLength(password) > MAX_BYTES) throw new Refused(`the password must have ${MAX_BYTES} bytes at most`);
  if (/\p{Cc}/u.test(password)) throw new Refused('the password must be one line, without control characters');
  if ([...password].length < MIN_CHARACTERS) {
    throw new Refused(`the password must have ${MIN_CHARACTERS} characters or more`);
  }
  return password;
}

/** Asks on a terminal, and shows nothing of what is typed. */
function asker(input: Readable, terminal: Writable): (question: string) => Promise<string> {
  // Readline would write every character back.
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  return (question) =>
    new Promise((resolve, reject) => {
      terminal.write(question);
      const lines = createInterface({ input, output: unseen, terminal: true, historySize: 0 });
      let answer: string | undefined;
      lines
        .once('line', (line) => {
          answer = line;
          lines.close();
        })
        .once('SIGINT', () => lines.close())
        .once('close', () => {
          terminal.write('\n');
          if (answer === undefined) reject(new Refused('no password was given'));
          else resolve(answer);
        });
    });
}
