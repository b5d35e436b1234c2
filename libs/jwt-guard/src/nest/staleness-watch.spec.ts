import { StalenessWatch } from './staleness-watch';

describe('the watch on the age of revocations', () => {
  const lines: string[] = [];
  const verifier = { revocationAgeSeconds: 0 };
  let ms: number;
  let watch: StalenessWatch;

  beforeEach(() => {
    jest.useFakeTimers();
    lines.length = 0;
    ms = 0;
    const log = {
      log: (text: string) => void lines.push(`log: ${text}`),
      warn: (text: string) => void lines.push(`warn: ${text}`),
    };
    watch = new StalenessWatch(verifier, log, () => ms);
    watch.start();
  });
  afterEach(() => {
    watch.close();
    jest.useRealTimers();
  });

  const lookAt = (ageSeconds: number, times = 1): string[] => {
    lines.length = 0;
    verifier.revocationAgeSeconds = ageSeconds;
    jest.advanceTimersByTime(times * 1_000);
    return [...lines];
  };

  it('logs once that they are past the bound, and once that they are up to date again', () => {
    expect(lookAt(0)).toEqual([]);
    expect(lookAt(10)).toEqual([]);
    expect(lookAt(10.1)).toEqual([expect.stringMatching(/^warn: Revocations are 10 s behind: from 70 s on/)]);
    expect(lookAt(42, 60)).toEqual([]);
    expect(lookAt(10, 60)).toEqual(['log: Revocations are up to date again']);
    expect(lookAt(11)).toHaveLength(1);
  });

  it('gives the first copy as much time as any other, and then says that there is none', () => {
    ms = 10_000;
    expect(lookAt(Infinity)).toEqual([]);
    ms = 10_001;
    expect(lookAt(Infinity, 5)).toEqual(['warn: What was revoked is not known, and so no token can be judged']);
    expect(lookAt(0)).toEqual(['log: Revocations are up to date again']);
  });

  it('is one, however often it is begun, and none when it is closed', () => {
    watch.start();
    expect(jest.getTimerCount()).toBe(1);
    watch.close();
    expect(jest.getTimerCount()).toBe(0);
    expect(lookAt(100, 5)).toEqual([]);
  });
});
