import { ProblemException } from '@token-relay/service-kit';
import { canonicalPath } from './canonical-path';

describe('canonicalPath', () => {
  it.each([
    ['/api/documents', '/documents'],
    ['/api/documents?a=/../b&c=%2f', '/documents?a=/../b&c=%2f'],
    ['/api/documents/..hidden', '/documents/..hidden'],
    ['/api/documents/a%20b', '/documents/a%20b'],
    ['/api/', '/'],
  ])('makes of %s %s', (url, path) => {
    expect(canonicalPath(url, '/api')).toBe(path);
  });

  it.each([
    '/api/../admin',
    '/api/documents/..',
    '/api/./documents',
    '/api//documents',
    '/api/documents%2Fx',
    '/api/%2e%2e/admin',
    '/api/documents\\x',
    '/api/documents%5cx',
    '/api/documents%00',
    '/other',
  ])('refuses %s', (url) => {
    expect(() => canonicalPath(url, '/api')).toThrow(
      new ProblemException(400, 'path_ambiguous', 'The path has segments that could be read in two ways.'),
    );
  });
});
