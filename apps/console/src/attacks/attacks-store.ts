import { runAttack } from '../api/gateway';
import { type AttackList, type AttackResult } from '../api/types';
import { type Loader, loader, userLoader } from '../loading';

export const attacks = loader<AttackList>();

const results = new Map<string, Loader<AttackResult>>();

/** What came of an attack the last time. */
export function resultOf(name: string): Loader<AttackResult> {
  let known = results.get(name);
  if (!known) results.set(name, (known = userLoader()));
  return known;
}

export async function attack(name: string): Promise<void> {
  await resultOf(name).load(() => runAttack(name));
}
