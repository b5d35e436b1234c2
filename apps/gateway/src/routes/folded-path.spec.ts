import { foldedPath, isBelow } from './folded-path';

describe('foldedPath', () => {
  it.each([
    '/api/documents',
    '/API/Documents',
    '/api/documents/',
    '//api///documents',
    '\\api\\documents',
    '/api/documents.',
    '/api/documents%20',
    '/api/documents. .',
    '/api/documents;a=b',
    '/api;a/documents;b',
    '/api/./documents',
    '/api/x/../documents',
    '/api/x/..;/documents',
    '/api/%64ocuments',
    '/api/%2564ocuments',
    '/api/%252564ocuments',
    '/api%2fdocuments',
    '/api%5cdocuments',
    '/api/documents%3fa',
    '/api/documents%23a',
    '/api/documents%00.html',
    '/api/x/%252e%252e/documents',
    '/%zz/../api/documents',
    '/../api/documents',
    '/api/ｄocuments',
  ])('is /api/documents for %s', (path) => {
    expect(foldedPath(path)).toBe('/api/documents');
  });

  it.each([
    ['/api/documents2', '/api/documents2'],
    ['/api/documents/..hidden', '/api/documents/..hidden'],
    ['/api/100%25', '/api/100%'],
    ['/', '/'],
    ['', '/'],
  ])('is another for %s', (path, folded) => {
    expect(foldedPath(path)).toBe(folded);
  });
});

describe('isBelow', () => {
  it.each([
    ['/api', '/api', true],
    ['/api/x', '/api', true],
    ['/apis', '/api', false],
    ['/ap', '/api', false],
    ['/x', '', true],
  ])('of %s and %s is %p', (path, prefix, expected) => {
    expect(isBelow(path, prefix)).toBe(expected);
  });
});
