import { describeWith } from '@token-relay/testing/servers';
import { type Browser, type BrowserContext } from 'playwright-core';
import { CHROMIUM, launchChromium } from './browser/chromium';
import { until } from './chain';
import { axeViolations } from './console/axe';
import { ConsolePage, VIEWS } from './console/console-page';
import { DemoSystem } from './console/demo-system';

/** Until it is asked for again by those who have been told to wait. */
const BACK_MS = 15_000;
/** What isn't there by then may not come any more. */
const HASTE = { timeout: 1_000 };
/** What there is to say of an auth that doesn't answer, whoever has found that out. */
const AWAY = /(?:exchange|auth|upstream|temporarily)_(?:unavailable|unreachable)/;

describeWith(CHROMIUM)('the console while auth is away', () => {
  let browser: Browser;
  let system: DemoSystem;
  let context: BrowserContext;
  let tab: ConsolePage;

  beforeAll(async () => {
    browser = await launchChromium();
    system = await DemoSystem.start();
  });
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    tab = await ConsolePage.openAs('admin', context, system.origin);
    await tab.shown('Relay');
  });
  afterEach(async () => {
    system.letAuthBack();
    await context.close();
  });
  afterAll(async () => {
    await browser.close();
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  /** Presses it until what was asked for is there: at first it may be told to wait. */
  async function tryAgainUntil(isThere: () => Promise<boolean>): Promise<void> {
    const look = async (): Promise<boolean> => {
      // The page may be quicker: it asks again by itself where the gateway has news.
      if (!(await isThere()))
        await tab
          .button('Try again')
          .click(HASTE)
          .catch(() => undefined);
      return isThere();
    };
    await until(BACK_MS, look, true);
  }

  const sees = (text: RegExp) => async () => (await tab.main.getByText(text).count()) > 0;

  it('relays on with the tokens that are at hand', async () => {
    system.cutAuthOff();
    expect(await tab.send()).toBe(200);
    for (const service of ['gateway', 'resource']) await tab.lane(service).getByText('Cache hit').waitFor();
    expect(await tab.alert.count()).toBe(0);
  });

  it('says of the ring what is wrong, goes on, and shows it when auth is back', async () => {
    system.cutAuthOff();
    await tab.link('Keys').click();
    await tab.alert.waitFor();
    expect(await tab.alert.textContent()).toMatch(AWAY);
    expect(await tab.alert.textContent()).toMatch(/status 50\d/);
    expect(tab.statuses('/admin/keys').every((status) => status >= 500)).toBe(true);
    expect(await axeViolations(tab.page)).toEqual([]);
    // Nobody is logged out, and whatever needs no auth goes on.
    await tab.show('Relay');
    expect(await tab.send()).toBe(200);
    await tab.link('Keys').click();
    await tab.alert.waitFor();
    system.letAuthBack();
    await tryAgainUntil(sees(/^The ring, version/));
    expect(await tab.alert.count()).toBe(0);
  });

  it('says so of the sessions, and shows them when auth is back', async () => {
    system.cutAuthOff();
    await tab.link('Sessions').click();
    await tab.alert.waitFor();
    expect(await tab.alert.textContent()).toMatch(AWAY);
    system.letAuthBack();
    await tryAgainUntil(sees(/^This one$/));
    expect(await tab.alert.count()).toBe(0);
  });

  it('lets nobody in, says why, and doesn’t throw out whoever is in', async () => {
    system.cutAuthOff();
    const elsewhere = await browser.newContext();
    const late = await ConsolePage.open(elsewhere, system.origin);
    const alice = late.login.getByRole('button', { name: /^alice/ });
    await alice.click();
    await late.alert.waitFor();
    expect(await late.alert.textContent()).toMatch(AWAY);
    system.letAuthBack();
    const isIn = async (): Promise<boolean> => {
      await alice.click(HASTE).catch(() => undefined);
      return late.logOut.isVisible();
    };
    await until(BACK_MS, isIn, true);
    await elsewhere.close();
    expect(await tab.logOut.count()).toBe(1);
  });

  // The last: it doesn't come back with what it had in memory.
  it('doesn’t break in any view when the process has ended', async () => {
    expect(await system.auth.stop()).toBe(0);
    expect(await tab.send()).toBe(200);
    for (const view of VIEWS) {
      await tab.link(view).click();
      await tab.heading(view).waitFor();
    }
    await tab.inspect('not.a.token');
    await tab.verdict.filter({ hasText: 'token_malformed' }).waitFor();
    await tab.link('Keys').click();
    await tab.alert.waitFor();
    expect(await tab.alert.textContent()).toMatch(AWAY);
    expect(await tab.logOut.count()).toBe(1);
    // One more that is away, at the end of the chain: it is named.
    expect(await system.audit.stop()).toBe(0);
    await tab.show('Relay');
    expect(await tab.send()).toBe('upstream_unreachable');
    expect(await tab.alert.textContent()).toContain('at audit');
    const uncaught = (await tab.complaints()).filter((complaint) => !complaint.startsWith('Failed to load resource'));
    expect(uncaught).toEqual([]);
  });
});
