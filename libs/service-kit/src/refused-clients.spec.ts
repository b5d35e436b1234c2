import { RefusedClients } from './refused-clients';

describe('clients that are cut off', () => {
  it('are told of ten times a minute, and then how many there were besides', () => {
    const told: object[] = [];
    let now = 0;
    const refused = new RefusedClients({ warn: (details: object) => void told.push(details) }, () => now);
    for (let i = 0; i < 25; i++) refused.tell({ reason: 'x' });
    expect(told).toEqual(Array.from({ length: 10 }, () => ({ reason: 'x' })));
    now = 59_999;
    refused.tell({ reason: 'x' });
    expect(told).toHaveLength(10);
    now = 60_000;
    refused.tell({ reason: 'y', certificate: 'DNS:a' });
    refused.tell({ reason: 'z' });
    expect(told.slice(10)).toEqual([{ reason: 'y', certificate: 'DNS:a', untold: 16 }, { reason: 'z' }]);
  });
});
