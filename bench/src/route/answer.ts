/** What the route answers, as long for everybody. */
export interface Answer {
  readonly subject: string;
  readonly documents: readonly { readonly id: number; readonly title: string }[];
}

/** Of a route that asks for nothing: as long as the subjects of tokens are. */
export const NOBODY = '00000000-0000-4000-8000-000000000000';

export function answerFor(subject: string): Answer {
  return { subject, documents: [{ id: 1, title: 'Minutes' }] };
}
