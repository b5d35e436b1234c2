import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceAccountOf } from './service-account';

describe('a service account', () => {
  const folder = mkdtempSync(join(tmpdir(), 'service-account-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write('ca.crt', 'a CA');
  write('namespace', 'relay\n');
  write('token', 'first\n');

  it.each([
    ['10.96.0.1', '443', 'https://10.96.0.1:443'],
    ['fd00::1', '6443', 'https://[fd00::1]:6443'],
  ])('is at %s', (KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, server) => {
    const account = serviceAccountOf({ KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT }, folder);
    expect(account).toMatchObject({ server, ca: 'a CA', namespace: 'relay' });
  });

  it('has the token that is mounted at the moment', async () => {
    const { token } = serviceAccountOf({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, folder);
    expect(await token()).toBe('first');
    write('token', 'second\n');
    expect(await token()).toBe('second');
  });

  it('is refused outside a pod, or where its token is not mounted', () => {
    expect(() => serviceAccountOf({}, folder)).toThrow(/no pod of Kubernetes.*KUBERNETES_SERVICE_HOST is missing/);
    const elsewhere = join(folder, 'elsewhere');
    expect(() => serviceAccountOf({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, elsewhere)).toThrow(/ENOENT.*ca\.crt/);
  });
});
