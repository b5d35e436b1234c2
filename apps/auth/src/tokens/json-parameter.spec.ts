import { OAuthError } from './oauth-error';
import { jsonParameter } from './json-parameter';

const nested = (levels: number): string => '{"a":'.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1);
const padded = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;

describe('a JSON object as a parameter', () => {
  it.each([
    '{}',
    '{"action":"BUY","quantity":100,"price":1.5,"limits":[1,{"a":null}],"open":true}',
    ' {\n"a" : "é \\u00e9 \\ud83d\\ude00 {\\"b\\":1}" }',
    `{"a":${Number.MAX_SAFE_INTEGER},"b":-${Number.MAX_SAFE_INTEGER}}`,
    '{"a":[1.0,1E2,100e-2,0.10,-0.5,1.5e-7,5e-324,0,0e9,0.000,1234567.875]}',
    '{"a":0.1,"b":123456789012345.6,"\\ufffd":"\\ufffd"}',
    '{"a":"-0 1e400 9007199254740993 \\"1e-400","1e400":1}',
    nested(8),
    padded(4_096),
  ])('is taken as it is: %s', (text) => {
    expect(jsonParameter('request_details', text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['what is no JSON', '{'],
    ['a text', '"a"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['two objects', '{}{}'],
    ['base64url', 'eyJhIjoxfQ'],
    ['a name twice', '{"a":1,"a":2}'],
    ['a name twice, written in two ways', '{"a":1,"\\u0061":2}'],
    ['a name twice further down', '{"a":{"b":1,"b":1}}'],
    ['a prototype', '{"__proto__":{"a":1}}'],
    ['a number beyond 2^53', `{"a":${Number.MAX_SAFE_INTEGER + 1}}`],
    ['a number that is endless', '{"a":[1e400]}'],
    ['a negative number beyond 2^53', `{"a":-${Number.MAX_SAFE_INTEGER + 1}}`],
    ['a number with more digits than are kept', '{"a":0.12345678901234567890}'],
    ['a whole number with a part that is lost', '{"a":4503599627370497.3}'],
    ['a number that becomes 0', '{"a":1e-400}'],
    ['a 0 that loses its sign', '{"a":[{"b":-0}]}'],
    ['a 0 that loses its sign, with a fraction', '{"a":-0.0}'],
    ['a number that is written at great length', `{"a":1.${'0'.repeat(40)}}`],
    ['half of a surrogate pair', '{"a":"\ud800"}'],
    ['half of a surrogate pair, escaped', '{"a":["\\ud800"]}'],
    ['the other half, escaped, in a name', '{"a":{"\\udc00":1}}'],
    ['what is left of bytes that are no UTF-8', '{"a":"\ufffd"}'],
    ['nine levels', nested(9)],
    ['a stack of levels', nested(600)],
    ['a byte too many', padded(4_097)],
    ['characters of many bytes', `{"a":"${'é'.repeat(2_048)}"}`],
  ])('is refused for %s', (_what, text) => {
    const refused = expect.objectContaining({ code: 'invalid_request' }) as OAuthError;
    expect(() => jsonParameter('request_details', text)).toThrow(refused);
    expect(() => jsonParameter('request_details', text)).toThrow(OAuthError);
  });
});
