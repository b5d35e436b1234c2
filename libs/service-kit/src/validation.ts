import { StandardSchemaValidationPipe } from '@nestjs/common';
import { ProblemException } from './problem-exception';

/** Checks whatever a handler declares a schema for, as `@Body({ schema })` does. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const errors = issues.slice(0, 20).map(({ path = [], message }) => ({
        path: path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
        message,
      }));
      return new ProblemException(
        400,
        'validation_failed',
        'The request has fields that are missing or wrong.',
        { errors },
      );
    },
  });
}
