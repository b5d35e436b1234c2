import { applyDecorators, Header } from '@nestjs/common';

/** For answers that are JSON and for one caller: nobody keeps them, takes them for something else, or embeds them. */
export function ApiHeaders(): MethodDecorator {
  return applyDecorators(
    Header('cache-control', 'no-store'),
    Header('x-content-type-options', 'nosniff'),
    Header('cross-origin-resource-policy', 'same-origin'),
  );
}
