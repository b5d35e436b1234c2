import { FakeApiServer, type Fault } from '../../test/fake-api-server';
import { makeAuthority } from '../certificates';
import { Refused } from '../refused';
import { certificateOf, type Contents, type Secret } from '../secrets';
import { KubernetesPlace } from './kubernetes';
import { type ServiceAccount } from './service-account';

const SECRET = { name: 'auth', keys: ['one', 'two'] } as const satisfies Secret;
const CONTENTS = { one: '1', two: 'zwölf\n' };

describe('Secrets in Kubernetes', () => {
  let api: FakeApiServer;
  const places: KubernetesPlace[] = [];
  beforeEach(async () => (api = await FakeApiServer.start()));
  afterEach(async () => {
    await Promise.all(places.splice(0).map((place) => place.close()));
    await api.stop();
  });

  function placeAt(change: Partial<ServiceAccount> = {}, answerMs = 10_000, callMs = 60_000): KubernetesPlace {
    const place = new KubernetesPlace(api.account(change), { answerMs, callMs, retries: 3, firstDelayMs: 1 });
    places.push(place);
    return place;
  }
  const methods = () => api.requests.map(({ method }) => method).join(' ');

  it('are created with their type and labels, and read as they were', async () => {
    const place = placeAt();
    expect(await place.read(SECRET)).toBeUndefined();
    expect(await place.create(SECRET, CONTENTS)).toBe(true);
    expect(await place.read(SECRET)).toEqual(CONTENTS);
    expect(api.requests.map(({ path }) => path)).toEqual([
      '/api/v1/namespaces/relay/secrets/auth',
      '/api/v1/namespaces/relay/secrets',
      '/api/v1/namespaces/relay/secrets/auth',
    ]);
    expect(api.requests[1]?.body).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'auth',
        labels: { 'app.kubernetes.io/part-of': 'token-relay', 'app.kubernetes.io/managed-by': 'bootstrap' },
      },
      type: 'Opaque',
      data: { one: 'MQ==', two: Buffer.from('zwölf\n').toString('base64') },
    });
    await place.create(certificateOf('auth'), { 'tls.crt': 'c', 'tls.key': 'k', 'ca.crt': 'a' });
    expect(api.secrets.get('auth-tls')?.type).toBe('kubernetes.io/tls');
  });

  it('stay as somebody else has made them', async () => {
    await placeAt().create(SECRET, CONTENTS);
    const place = placeAt();
    expect(await place.create(SECRET, { one: 'another', two: 'other' })).toBe(false);
    expect(await place.read(SECRET)).toEqual(CONTENTS);
  });

  it.each<Fault>([[500, 'InternalError'], [503, 'ServiceUnavailable'], [429, 'TooManyRequests'], 'page', 'reset'])(
    'are asked for again after %p, up to three times',
    async (fault) => {
      const place = placeAt();
      api.faults.push(fault, fault, fault);
      expect(await place.create(SECRET, CONTENTS)).toBe(true);
      expect(methods()).toBe('POST POST POST POST');

      api.faults.push(fault, fault, fault, fault);
      await expect(place.read(SECRET)).rejects.toThrow(/^auth: the API server/);
      expect(methods()).toBe('POST POST POST POST GET GET GET GET');
    },
  );

  it('are asked for again where the answer does not come in time', async () => {
    const place = placeAt({}, 100);
    api.faults.push('silence');
    expect(await place.create(SECRET, CONTENTS)).toBe(true);
    api.faults.push('silence', 'silence', 'silence', 'silence');
    await expect(place.read(SECRET)).rejects.toThrow(/does not answer: UND_ERR_HEADERS_TIMEOUT/);
  });

  it.each(['trickle', 'silence'] as const)('have a time limit for all of a call: %s', async (fault) => {
    const place = placeAt({}, 10_000, 300);
    api.faults.push(fault);
    const begun = performance.now();
    await expect(place.read(SECRET)).rejects.toThrow(/^auth: the API server at \S+ does not answer: TimeoutError$/);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it.each([
    ['<html>SECRET'],
    ['null'],
    ['[]'],
    ['5'],
    ['"SECRET"'],
    ['{"data":{"one":"SECRET"}}'],
    ['{"metadata":null}'],
    ['{"metadata":{"name":"another"},"data":{"one":"SECRET"}}'],
    ['{"metadata":{"name":"auth"},"data":"SECRET"}'],
    ['{"metadata":{"name":"auth"},"data":{"one":5}}'],
    ['{"metadata":{"name":"auth"},"data":{"one":{"two":"SECRET"}}}'],
  ])('are not read out of %s', async (body) => {
    api.faults.push({ body });
    await expect(placeAt().read(SECRET)).rejects.toThrow(
      new Refused('auth: what the API server answers is no such Secret'),
    );
  });

  it('that were created by a request whose answer was lost are there when it is sent again', async () => {
    const place = placeAt();
    api.secrets.set('auth', { type: 'Opaque', data: { one: 'MQ==', two: 'Mg==' } });
    api.faults.push('reset');
    expect(await place.create(SECRET, CONTENTS)).toBe(false);
  });

  it.each<[readonly [status: number, reason: string], string]>([
    [[401, 'Unauthorized'], 'it does not know the token of this service account'],
    [[403, 'Forbidden'], 'the Role of this service account does not allow it'],
    [[404, 'NotFound'], 'there is no such namespace'],
    [[422, 'Invalid'], 'Invalid'],
    [[400, 'a "secret"'], 'it does not say why'],
  ])('are refused at once after %p, with nothing of what was sent', async ([status, reason], says) => {
    api.faults.push([Number(status), String(reason)]);
    await expect(placeAt().create(SECRET, CONTENTS)).rejects.toThrow(
      `auth: the API server refuses to create it with ${status}: ${says}`,
    );
    expect(api.requests).toHaveLength(1);
  });

  it('are read with the token of the moment', async () => {
    let token = 'an-earlier-token';
    const place = placeAt({ token: () => Promise.resolve(token) });
    await expect(place.read(SECRET)).rejects.toThrow('with 401');
    token = api.token;
    expect(await place.read(SECRET)).toBeUndefined();
  });

  it('are sent to nobody but the API server: another CA, or name, gets no request', async () => {
    const { 'ca.crt': ca } = await makeAuthority(new Date());
    await expect(placeAt({ ca }).create(SECRET, CONTENTS)).rejects.toThrow(/does not answer: .*SIGNATURE/);
    const server = `https://localhost:${api.port}`;
    await expect(placeAt({ server }).create(SECRET, CONTENTS)).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(api.requests).toEqual([]);
  });

  it('are refused where nobody listens', async () => {
    const place = placeAt({ server: 'https://127.0.0.1:1' });
    await expect(place.read(SECRET)).rejects.toThrow(
      'auth: the API server at https://127.0.0.1:1 does not answer: ECONNREFUSED',
    );
  });

  it('without data have no keys', async () => {
    api.secrets.set('auth', { type: 'Opaque', data: undefined as unknown as Contents });
    expect(await placeAt().read(SECRET)).toEqual({});
  });
});
