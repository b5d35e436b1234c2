import { type Contents, type Secret } from '../secrets';

/** Where secrets are kept. */
export interface Place {
  /**
   * @returns what is there of its keys, undefined where there is nothing of it
   * @throws Refused
   */
  read(secret: Secret): Promise<Partial<Contents> | undefined>;

  /**
   * Puts all of it there, or nothing: whoever reads it meanwhile, and wherever this is interrupted.
   *
   * @returns whether it did; otherwise there is one already, which stays as it is
   * @throws Refused
   */
  create(secret: Secret, contents: Contents): Promise<boolean>;
}
