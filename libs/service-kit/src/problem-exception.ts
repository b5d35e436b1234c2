import { HttpException } from '@nestjs/common';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** An error as a service wants its caller to see it: RFC 9457, with a stable `code`. */
export class ProblemException extends HttpException {
  /** What the document is sent as. */
  readonly mediaType: string = PROBLEM_MEDIA_TYPE;

  constructor(
    status: number,
    readonly code: string,
    readonly detail: string,
    /** More members of the document (RFC 9457, section 3.2). */
    readonly extensions: Readonly<Record<string, unknown>> = {},
  ) {
    super({ code, detail }, status);
  }
}
