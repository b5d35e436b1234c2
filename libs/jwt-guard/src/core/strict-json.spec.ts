import { parseStrictObject } from './strict-json';

const parse = (text: string) => parseStrictObject(Buffer.from(text));
const nested = (levels: number): string => '{"a":'.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1);

describe('parseStrictObject', () => {
  it.each([
    ['an empty object', '{}', {}],
    ['white space', ' {\n"a" :\t1 } ', { a: 1 }],
    ['colons, quotes and braces inside texts', String.raw`{"a:b":"\":{\\","c":":"}`, { 'a:b': '":{\\', c: ':' }],
    ['one name on several levels', '{"a":{"a":[{"a":1}]}}', { a: { a: [{ a: 1 }] } }],
    ['names that objects inherit', '{"constructor":1,"toString":2}', { constructor: 1, toString: 2 }],
    ['an escaped name', String.raw`{"\u0061":1}`, { a: 1 }],
  ])('takes %s', (_name, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it.each([
    ['a list', '[]'],
    ['a text', '"a"'],
    ['null', 'null'],
    ['nothing', ''],
    ['two values', '{}{}'],
    ['a byte order mark', '\ufeff{}'],
    ['a name twice', '{"a":1,"a":1}'],
    ['a name twice, once escaped', String.raw`{"a":1,"\u0061":2}`],
    ['a name twice further in', '{"a":[{"b":1,"b":2}]}'],
    ['a name twice, hiding an object', '{"a":{"b":1},"a":2}'],
    ['__proto__', '{"__proto__":{"a":1}}'],
    ['__proto__ further in', '{"a":{"__proto__":null}}'],
  ])('refuses %s', (_name, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('refuses what is not UTF-8', () => {
    expect(parseStrictObject(Buffer.from('{"a":"\xff"}', 'latin1'))).toBeUndefined();
    expect(parseStrictObject(Buffer.from('{"a":1}', 'utf16le'))).toBeUndefined();
  });

  it.each([
    [16, true],
    [17, false],
    [2_000, false],
  ])('of objects %i deep: %p', (levels, taken) => {
    expect(parse(nested(levels)) !== undefined).toBe(taken);
    expect(parse(`{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`) !== undefined).toBe(taken);
  });

  it('freezes all the way down', () => {
    const value = parse('{"a":[{"b":{}}]}') as { a: { b: object }[] };
    expect([value, value.a, value.a[0], value.a[0]?.b].every((part) => Object.isFrozen(part))).toBe(true);
  });
});
