import { type ExecutionContext, NotFoundException } from '@nestjs/common';
import { OwnNameGuard } from './own-name.guard';

describe('OwnNameGuard', () => {
  const guard = new OwnNameGuard();
  const askedAs = (host: string | undefined): boolean => {
    const http = { getRequest: () => ({ headers: { host } }) };
    return guard.canActivate({ switchToHttp: () => http } as unknown as ExecutionContext);
  };

  it.each(['localhost', 'localhost:3000', 'LocalHost:1', '127.0.0.1', '127.0.0.1:3000'])('lets in %s', (host) => {
    expect(askedAs(host)).toBe(true);
  });

  it.each([
    undefined,
    '',
    ':3000',
    'evil.test',
    'localhost.',
    'localhost:',
    'localhost:x',
    'localhost.evil.test',
    'x.localhost',
    'evil.test:localhost',
    '127.0.0.2',
    '127.0.0.1.evil.test',
    '127x0x0x1',
    '[::1]',
    'localhost\nevil.test',
  ])('has nothing for %j', (host) => {
    expect(() => askedAs(host)).toThrow(NotFoundException);
  });
});
