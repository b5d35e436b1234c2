import { type ExecutionContext } from '@nestjs/common';
import { AtPassport, PassportRequest } from './at-passport';

describe('a call while passport is asked about it', () => {
  const request = { headers: { a: '1' }, url: '/u', method: 'GET', query: { q: '1' }, body: {}, cookies: {} };
  const asked = {
    getType: () => 'http',
    getHandler: (): unknown => open,
    getArgByIndex: (index: number): unknown => [request][index],
  } as unknown as ExecutionContext;
  const open = (): AtPassport => new AtPassport(asked, request);

  it('is the context that it stands for, and its request has what strategies look at', () => {
    const shown = open();
    expect([shown.getType(), shown.getHandler(), shown.getArgByIndex(0)]).toEqual(['http', open, request]);
    const { headers, url, method, query, body, cookies } = shown.request;
    expect({ headers, url, method, query, body, cookies }).toEqual(request);
    expect(PassportRequest.behind(shown.request)).toBe(request);
  });

  it('holds nothing of it any more when passport is done', () => {
    const shown = open();
    shown.request.user = 'kept by nobody';
    shown.release();
    expect((): unknown => shown.getArgByIndex(0)).toThrow('passport was done with this call');
    expect([shown.request.headers, shown.request.body, shown.request.user]).toEqual([undefined, undefined, undefined]);
    expect(PassportRequest.behind(shown.request)).toBe(shown.request);
  });

  it('leaves a request as it is that passport was given by somebody else', () => {
    expect(PassportRequest.behind(request)).toBe(request);
  });
});
