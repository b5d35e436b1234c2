import { describeWith } from '@token-relay/testing/servers';
import { randomBytes } from 'node:crypto';
import { type Browser, type BrowserContext } from 'playwright-core';
import { CHROMIUM, launchChromium } from './browser/chromium';
import { until } from './chain';
import { ConsolePage, SERVICES } from './console/console-page';
import { DemoSystem } from './console/demo-system';
import { tampered } from './console/tampered';
import { expectNoSecrets, remember } from './secrets';

const JWKS_MAX_AGE_SECONDS = 2;
/** Until a planned rotation is due, and some time to hear of it. */
const ROTATED_MS = JWKS_MAX_AGE_SECONDS * 2_000 + 15_000;
const LIMIT_MS = 10_000;
const STAGES = 6;
/** Of the attacks, in their order. */
const VERDICTS = [
  'status 401, alg_not_allowed',
  'status 401, alg_not_allowed',
  'status 401, signature_invalid',
  'status 401, key_unknown',
  'status 401, audience_mismatch',
  'status 401, token_expired',
  'status 401, session_ended',
  // What is sent beside a good token isn't refused: it doesn't arrive.
  'status 200',
  'status 400, path_ambiguous',
];
/** With the 10 seconds for which two tabs may share a refresh token. */
const REPLAY_LIMIT_MS = 25_000;

describeWith(CHROMIUM)('whoever uses the console', () => {
  let browser: Browser;
  let system: DemoSystem;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    system = await DemoSystem.start({ auth: { JWKS_MAX_AGE_SECONDS: String(JWKS_MAX_AGE_SECONDS) } });
  });
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
  });
  afterAll(async () => {
    await browser.close();
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  /** A browser of its own, on a device of its own. */
  async function device(): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    contexts.push(context);
    return context;
  }

  describe('sees in the relay', () => {
    let tab: ConsolePage;

    beforeEach(async () => {
      tab = await ConsolePage.openAs('alice', await device(), system.origin);
      await tab.shown('Relay');
    });

    it('each hop, with its checks, and what the next service gets instead of the token', async () => {
      expect(await tab.lanes.locator('h3').allTextContents()).toEqual(['client', ...SERVICES]);
      for (const service of SERVICES) {
        expect(await tab.lane(service).locator('.stage').count()).toBe(STAGES);
        expect(await tab.lane(service).locator('.stage[data-outcome="passed"]').count()).toBe(STAGES);
      }
      expect(await tab.change('gateway', 'Audience (aud)').textContent()).toBe('resource');
      expect(await tab.change('gateway', 'Who acts (act)').textContent()).toBe('gateway');
      expect(await tab.change('resource', 'Audience (aud)').textContent()).toBe('audit');
      const actors = (await tab.change('resource', 'Who acts (act)').textContent()) ?? '';
      expect(actors.split(', ').sort()).toEqual(['gateway', 'resource']);
      expect(await tab.lane('gateway').textContent()).not.toContain('console-exchange');
    });

    it('which token had to be got and which was at hand, in traces of their own', async () => {
      expect(await tab.lane('gateway').getByText('Cache miss').count()).toBe(1);
      const first = await tab.traceId();
      expect(await tab.send()).toBe(200);
      await tab.lane('gateway').getByText('Cache hit').waitFor();
      const second = await tab.traceId();
      for (const id of [first, second]) expect(id).toMatch(/^[0-9a-f]{32}$/);
      expect(second).not.toBe(first);
    });

    it('what a transaction keeps, why forwarding is refused, and all three beside each other', async () => {
      await tab.chooseMode('Transaction');
      await tab.lane('audit').getByText('Transaction, signed').waitFor();
      await tab.chooseMode('Forward');
      await tab.alert.waitFor();
      const why = await tab.alert.textContent();
      expect(why).toContain('relay_token_refused');
      expect(why).toContain('audience_mismatch');
      expect(await tab.lanes.locator('h3').allTextContents()).toEqual(['client', ...SERVICES]);
      expect(await tab.lane('audit').textContent()).toContain('didn’t come through');
      for (const mode of ['Exchange', 'Transaction', 'Forward'] as const) await tab.compared(mode).waitFor();
      expect(await tab.page.getByRole('row', { name: /^Came to/ }).textContent()).toMatch(
        /auditaudit.*relay_token_refused/,
      );
    });
  });

  describe('as an operator', () => {
    it('rotates the key while calls go on: none fails, and another tab shows the next key by itself', async () => {
      const context = await device();
      const tab = await ConsolePage.openAs('admin', context, system.origin, 'Keys');
      await tab.shown('Keys');
      const onlooker = await ConsolePage.open(context, system.origin, 'Keys');
      await onlooker.shown('Keys');
      const caller = await ConsolePage.openAs('alice', await device(), system.origin);
      await caller.shown('Relay');
      const before = await tab.kid('active');
      expect(before).not.toBe('');
      expect(await onlooker.kid('active')).toBe(before);

      const token = await system.login('bob');
      const outcomes = new Set<number | string>();
      let isOver = false;
      const calls = (async () => {
        while (!isOver) {
          outcomes.add((await system.call('/api/whoami', token)).status);
          outcomes.add(await caller.send());
        }
      })();
      calls.catch(() => undefined);
      try {
        await tab.button('Keep calling').click();
        await tab.confirm('Rotate', 'Yes, rotate');
        const isOther = (shown: ConsolePage) => async () => !['', before].includes(await shown.kid('active'));
        await until(ROTATED_MS, isOther(onlooker), true);
        await until(ROTATED_MS, isOther(tab), true);
      } finally {
        isOver = true;
        await calls;
      }
      expect([...outcomes]).toEqual([200]);
      expect(await tab.main.getByText(/answered, \d+ failed/).textContent()).toMatch(/^[1-9]\d* answered, 0 failed$/);
      await tab.main.getByText('audit got a token of').waitFor();
      expect(caller.statuses('/console/api/relay').length).toBeGreaterThan(1);
      expect(await onlooker.kid('active')).toBe(await tab.kid('active'));
      // What it has signed is still out.
      expect(await tab.kid('retiring')).toBe(before);
      expect(onlooker.statuses('/admin/keys/rotate')).toEqual([]);
      await onlooker.page.getByRole('log').locator('mark').first().waitFor();
    });

    it('says why a key is compromised, and goes on with a token of the next one', async () => {
      const tab = await ConsolePage.openAs('admin', await device(), system.origin, 'Keys');
      await tab.shown('Keys');
      const leaked = await tab.kid('active');
      await tab
        .keys('active')
        .getByRole('button', { name: /^Compromise / })
        .click();
      const yes = tab.dialog.getByRole('button', { name: 'Yes, compromise it' });
      expect(await yes.isDisabled()).toBe(true);
      await tab.dialog.getByRole('textbox').fill('It was in a backup.');
      expect(await yes.isDisabled()).toBe(false);
      await yes.click();
      await tab
        .keys('compromised')
        .filter({ has: tab.page.locator(`code[title="${leaked}"]`) })
        .waitFor();
      await tab.show('Relay');
      // As soon as each service has the key that signs now.
      await until(LIMIT_MS, () => tab.send(), 200);
      expect(await tab.logOut.isVisible()).toBe(true);
    });

    it('is told what it takes where the account is none, and can’t do it by hand either', async () => {
      const tab = await ConsolePage.openAs('alice', await device(), system.origin, 'Keys');
      await tab.shown('Keys');
      await tab.main.getByText('keys:read').first().waitFor();
      await tab.heading('Keys that the gateway takes now').waitFor();
      expect(await tab.button('Rotate').count()).toBe(0);
      expect(await tab.button(/^Compromise/).count()).toBe(0);
      const headers = { 'content-type': 'application/json' };
      const byHand = await system.call('/admin/keys/rotate', await system.login('alice'), {
        method: 'POST',
        headers,
        body: '{}',
      });
      expect(byHand.status).toBe(403);
      expect(byHand.headers.get('www-authenticate')).toContain('keys:rotate');
    });
  });

  describe('with two devices', () => {
    const ENDED = 'The session has ended: the server says so.';

    it('ends the other one, and sees when each service has heard of it', async () => {
      const other = await ConsolePage.openAs('carol', await device(), system.origin);
      await other.shown('Relay');
      const own = await ConsolePage.openAs('carol', await device(), system.origin, 'Sessions');
      await own.shown('Sessions');
      await own.confirm(/^End the session of /, 'Yes, end it');
      for (const service of SERVICES) {
        await own
          .heard(service)
          .filter({ hasText: /heard (?:first|after [\d.]+ ms)/ })
          .waitFor();
      }
      // It has heard of it as well, and needs no call to be told.
      await other.login.getByText(ENDED).waitFor();
      expect(await other.logOut.count()).toBe(0);
      await own.show('Relay');
      expect(await own.send()).toBe(200);
    });

    it('ends all of them, this one too', async () => {
      const other = await ConsolePage.openAs('bob', await device(), system.origin);
      await other.shown('Relay');
      const own = await ConsolePage.openAs('bob', await device(), system.origin, 'Sessions');
      await own.shown('Sessions');
      await own.confirm('End all', 'Yes, end all');
      await own.login.waitFor();
      // Nobody has to be told what they have done themselves.
      expect(await own.login.getByText(ENDED).count()).toBe(0);
      await own.login.getByText('You are logged out').waitFor();
      await other.login.getByText(ENDED).waitFor();
    });
  });

  it('attacks in nine ways, and gets nothing, and is told why', async () => {
    const tab = await ConsolePage.openAs('alice', await device(), system.origin, 'Attacks');
    await tab.shown('Attacks');
    const attacks = await tab.attacks.all();
    expect(attacks).toHaveLength(9);
    for (const attack of attacks) await attack.getByRole('button').click();
    for (const attack of attacks) {
      await attack.getByText('It got nothing').waitFor({ timeout: REPLAY_LIMIT_MS });
      expect(await attack.getByText(/^Why: \S/).count()).toBe(1);
    }
    expect(await tab.main.getByText('It got through').count()).toBe(0);
    expect(await tab.main.locator('.verdict').allTextContents()).toEqual(
      VERDICTS.map((verdict) => `✓ It got nothing: ${verdict}`),
    );
    await tab.show('Relay');
    expect(await tab.send()).toBe(200);
  });

  it('inspects tokens without a login, and no log has anything of them', async () => {
    const tab = await ConsolePage.open(await device(), system.origin, 'Inspector');
    await tab.shown('Inspector');
    const written = (): number => system.gateway.lines.filter((line) => line.includes('/console/api/inspect')).length;
    // What there is without a token is told when the gateway starts.
    const before = written();
    const good = await system.login('alice');
    const garbage = randomBytes(24).toString('base64url');
    remember('what was pasted', ...good.split('.'), ...tampered(good).split('.'), garbage);
    for (const [token, verdict] of [
      [good, 'Accepted'],
      [tampered(good), 'Rejected: signature_invalid'],
      [garbage, 'Rejected: token_malformed'],
      [` ${good}\n`, 'Accepted'],
    ] as const) {
      await tab.inspect(token);
      await tab.verdict.filter({ hasText: verdict }).waitFor();
    }
    expect(tab.statuses('/console/api/inspect')).toEqual([200, 200, 200, 200]);
    expect(tab.statuses('/auth/')).toEqual([]);
    // Lines come after answers.
    await until(LIMIT_MS, () => Promise.resolve(written() - before), 4);
    for (const { name, lines } of system.apps) expectNoSecrets(name, lines);
  });

  it('in three tabs that wake up together goes on in each', async () => {
    const context = await device();
    await context.clock.install();
    const tabs = [await ConsolePage.openAs('alice', context, system.origin)];
    while (tabs.length < 3) tabs.push(await ConsolePage.open(context, system.origin));
    for (const tab of tabs) await tab.shown('Relay');
    const refreshes = (): number[] => tabs.flatMap((tab) => tab.statuses('/auth/refresh'));
    const before = refreshes().length;
    await context.clock.fastForward('08:00:00');
    expect(await Promise.all(tabs.map((tab) => tab.send()))).toEqual([200, 200, 200]);
    await until(LIMIT_MS, async () => (await Promise.all(tabs.map((tab) => tab.logOut.count()))).join(), '1,1,1');
    expect(refreshes().length).toBeGreaterThan(before);
    expect(new Set(refreshes())).toEqual(new Set([200]));
    expect(await Promise.all(tabs.map((tab) => tab.send()))).toEqual([200, 200, 200]);
  });
});
