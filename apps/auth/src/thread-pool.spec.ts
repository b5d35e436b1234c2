import { PASSWORDS_AT_ONCE } from './users/password-capacity';

describe('the pool of threads', () => {
  const { UV_THREADPOOL_SIZE: before } = process.env;
  afterEach(() => {
    delete process.env.UV_THREADPOOL_SIZE;
    if (before !== undefined) process.env.UV_THREADPOOL_SIZE = before;
  });

  const sizeWhere = (set: string | undefined) => {
    delete process.env.UV_THREADPOOL_SIZE;
    if (set !== undefined) process.env.UV_THREADPOOL_SIZE = set;
    jest.isolateModules(() => jest.requireActual('./thread-pool'));
    return process.env.UV_THREADPOOL_SIZE;
  };

  it('has four threads more than passwords can take, so that signatures do not wait for those', () => {
    expect(sizeWhere(undefined)).toBe(String(PASSWORDS_AT_ONCE + 4));
  });

  it('has the size that the environment says, if it says one', () => {
    expect(sizeWhere('3')).toBe('3');
  });
});
