import { extractToken } from './extract-token';
import { TokenRejected } from './refusals';

describe('extractToken', () => {
  const outcome = (...values: string[]): string => {
    try {
      return extractToken(values);
    } catch (error) {
      if (error instanceof TokenRejected) return error.code;
      throw error;
    }
  };

  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER   abc', 'abc'],
    ['Bearer\tabc', 'authorization_malformed'],
    ['Bearer abc def', 'authorization_malformed'],
    ['bearer abc def', 'authorization_malformed'],
    ['Bearer abc\tdef', 'authorization_malformed'],
    ['Bearer  abc', 'abc'],
    ['Bearer abc ', 'authorization_malformed'],
    ['Bearer abc\t', 'authorization_malformed'],
    ['Bearer abc,', 'abc,'],
    ['Bearer', 'authorization_malformed'],
    ['Bearer ', 'authorization_malformed'],
    ['Bearerabc', 'token_missing'],
    ['Basic abc', 'token_missing'],
    ['', 'token_missing'],
  ])('makes of %p %s', (value, expected) => {
    expect(outcome(value)).toBe(expected);
  });

  it('makes of no header token_missing, and of two authorization_repeated', () => {
    expect(outcome()).toBe('token_missing');
    expect(outcome('Bearer abc', 'Bearer abc')).toBe('authorization_repeated');
  });
});
