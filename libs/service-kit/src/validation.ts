import { type PipeTransform } from '@nestjs/common';
import { type z } from 'zod';
import { ProblemException } from './problem-exception';

const MAX_REPORTED = 20;
/** Without their names, which are the caller's. */
const UNKNOWN = 'has members that are not known here';

/** @throws ProblemException `validation_failed`, saying what is wrong where, when it isn't as the schema has it */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, MAX_REPORTED).map(({ path, code, message }) => ({
    path: path.join('.'),
    message: code === 'unrecognized_keys' ? UNKNOWN : message,
  }));
  throw new ProblemException(400, 'validation_failed', 'The request has fields that are missing or wrong.', { errors });
}

/** Lets a body, a query or a message through as the schema has it; for `@Body(…)`, `@Payload(…)` and the like. */
export function validated<Schema extends z.ZodType>(schema: Schema): PipeTransform<unknown, z.infer<Schema>> {
  return { transform: (value) => validate(schema, value) };
}
