import { SseParser } from './sse-parser';

const parse = (...pieces: string[]) => {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

describe('an event stream', () => {
  const stream = 'event: keys\ndata: {"version":2}\n\n: heartbeat\n\ndata: a\ndata: b\n\n';
  const events = [
    { name: 'keys', data: '{"version":2}' },
    { name: 'message', data: 'a\nb' },
  ];

  it('is read event by event, without comments', () => {
    expect(parse(stream)).toEqual(events);
  });

  it('may be cut anywhere', () => {
    for (let at = 1; at < stream.length; at++) expect(parse(stream.slice(0, at), stream.slice(at))).toEqual(events);
    expect(parse(...stream)).toEqual(events);
  });

  it.each(['\r\n', '\r'])('has lines that end in %j as well', (end) => {
    const text = stream.replaceAll('\n', end);
    // What ends in CR is held back until more comes.
    expect(parse(...text, ':')).toEqual(events);
  });

  it('loses one space after the colon, and no more', () => {
    expect(parse('data:  a\n\n', 'data:b\n\n', 'data\n\n').map(({ data }) => data)).toEqual([' a', 'b', '']);
  });

  it('begins with a byte order mark or without', () => {
    expect(parse('\uFEFFdata: a\n\n')).toEqual([{ name: 'message', data: 'a' }]);
  });

  it('has no event that is not ended, and none without data', () => {
    expect(parse('event: keys\n\n', 'data: a\n')).toEqual([]);
  });

  it('does not hand the name on to the next event', () => {
    expect(parse('event: keys\n\ndata: a\n\n')).toEqual([{ name: 'message', data: 'a' }]);
  });

  it('is given up where an event never ends', () => {
    expect(() => parse(`data: ${'x'.repeat(300_000)}`)).toThrow(RangeError);
    expect(() => parse(...Array.from({ length: 300 }, () => `data: ${'x'.repeat(1_000)}\n`))).toThrow(RangeError);
  });
});
