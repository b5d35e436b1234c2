import { describeWith } from '@token-relay/testing/servers';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core';
import { CHROMIUM, launchChromium } from './browser/chromium';
import { until } from './chain';
import { axeViolations } from './console/axe';
import { ConsolePage, SERVICES, type View, VIEWS } from './console/console-page';
import { DemoSystem } from './console/demo-system';
import { tampered } from './console/tampered';

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const LOOKS = [
  ['at a desk, light', DESK, 'light'],
  ['at a desk, dark', DESK, 'dark'],
  ['on a phone, light', PHONE, 'light'],
  ['on a phone, dark', PHONE, 'dark'],
] as const;
const MAX_FIRST_LOAD_BYTES = 200 * 1024;
/** Cumulative Layout Shift up to here is good: https://web.dev/articles/cls */
const MAX_JUMPS = 0.1;
const LIMIT_MS = 5_000;
const PICTURES = resolve(__dirname, '../../docs/images');
/** What makes the pictures of the docs anew. */
const UPDATE_PICTURES = process.env.UPDATE_SCREENSHOTS === '1';
/** The first of them in the list, which come back at once. */
const QUICK_ATTACKS = 6;
/** More than there are places to stop at. */
const MOST_TABS = 60;

describeWith(CHROMIUM)('the console in Chromium', () => {
  let browser: Browser;
  let system: DemoSystem;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    system = await DemoSystem.start();
  });
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
  });
  afterAll(async () => {
    await browser.close();
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  /** A browser that has never been here. */
  async function visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: DESK, ...options });
    contexts.push(context);
    return context;
  }

  /** All that is wrong with what is shown. */
  async function faults(tab: ConsolePage, where: string): Promise<string[]> {
    const overflow = await tab.overflow();
    return [
      ...(await axeViolations(tab.page)).map((violation) => `${where}: ${violation}`),
      ...(overflow > 0 ? [`${where}: ${overflow} pixels wider than the screen`] : []),
    ];
  }

  it.each(LOOKS)('%s, everybody can read and use all that it shows', async (_where, viewport, colorScheme) => {
    const found: string[] = [];
    const tab = await ConsolePage.open(await visitor({ viewport, colorScheme }), system.origin);
    const look = async (where: string): Promise<unknown> => found.push(...(await faults(tab, where)));
    await tab.login.getByRole('button').first().waitFor();
    await look('login');
    await tab.logIn('admin');
    await tab.shown('Relay');
    await look('relay');
    await tab.chooseMode('Transaction');
    await tab.compared('Transaction').waitFor();
    await tab.chooseMode('Forward');
    await tab.compared('Forward').waitFor();
    await look('relay that is refused, and compared');
    await tab.show('Keys');
    await look('keys');
    await tab
      .button(/^Compromise /)
      .first()
      .click();
    await tab.dialog.waitFor();
    await look('dialog');
    await tab.page.keyboard.press('Escape');
    await tab.show('Sessions');
    await look('sessions');
    await tab.show('Attacks');
    await tab.attacks.first().getByRole('button').click();
    await tab.attacks.first().getByText('It got nothing').waitFor();
    await look('attacks');
    await tab.show('Inspector');
    await tab.inspect('not.a.token');
    await tab.verdict.waitFor();
    await look('inspector');
    expect(found).toEqual([]);
    expect(await tab.complaints()).toEqual([]);
  });

  it('says to somebody who may not see the ring what it takes, in a way that everybody can read', async () => {
    const tab = await ConsolePage.openAs('alice', await visitor(), system.origin, 'Keys');
    await tab.shown('Keys');
    await tab.main.getByText('keys:read').first().waitFor();
    expect(await faults(tab, 'keys')).toEqual([]);
    expect(await tab.complaints()).toEqual([]);
  });

  it('says nothing of a session that has ended to somebody who is new', async () => {
    const tab = await ConsolePage.open(await visitor(), system.origin);
    await tab.login.getByRole('button').first().waitFor();
    expect(await tab.main.textContent()).not.toMatch(/session has ended/i);
    expect(await tab.main.getByRole('alert').count()).toBe(0);
    expect(tab.answers.filter(({ status }) => status >= 400)).toEqual([]);
    expect(await tab.complaints()).toEqual([]);
  });

  it('loads less than 200 KiB at first, uncompressed, and nothing from elsewhere', async () => {
    const tab = await ConsolePage.open(await visitor(), system.origin);
    await tab.login.getByRole('button').first().waitFor();
    const sizes = await Promise.all(tab.answers.map(async ({ path, bytes }) => [path, await bytes()] as const));
    expect(sizes.some(([path]) => /\.js$/.test(path))).toBe(true);
    expect(sizes.some(([path]) => /\.css$/.test(path))).toBe(true);
    expect(sizes.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(MAX_FIRST_LOAD_BYTES);
    await tab.logIn('admin');
    for (const view of VIEWS) await tab.show(view);
    expect(new Set(tab.answers.map(({ origin }) => origin))).toEqual(new Set([system.origin]));
  });

  it('works where there is no other server in the world', async () => {
    const context = await visitor();
    await context.route(
      ({ origin }) => origin !== system.origin,
      (route) => route.abort(),
    );
    const tab = await ConsolePage.openAs('alice', context, system.origin);
    for (const view of VIEWS) await tab.show(view);
    expect(await tab.complaints()).toEqual([]);
  });

  it.each([
    ['at a desk', DESK],
    ['on a phone', PHONE],
  ])('%s, stands still while what it shows comes in', async (_where, viewport) => {
    const context = await visitor({ viewport });
    const first = await ConsolePage.open(context, system.origin);
    await first.login.getByRole('button').first().waitFor();
    const jumps: Record<string, number> = { login: await first.jumps() };
    await first.logIn('admin');
    for (const view of VIEWS) {
      // Opened anew: what follows a click counts as expected.
      const tab = await ConsolePage.open(context, system.origin, view);
      await tab.shown(view);
      jumps[view] = await tab.jumps();
      await tab.page.close();
    }
    expect(Object.entries(jumps).filter(([, jump]) => jump >= MAX_JUMPS)).toEqual([]);
  });

  describe('with the keyboard alone', () => {
    const focused = (tab: ConsolePage): Promise<string> =>
      tab.page.evaluate('document.activeElement.textContent.trim()');
    const focusedId = (tab: ConsolePage): Promise<string> => tab.page.evaluate('document.activeElement.id');
    async function tabTo(tab: ConsolePage, text: string): Promise<void> {
      for (let i = 0; i < MOST_TABS && (await focused(tab)) !== text; i++) await tab.page.keyboard.press('Tab');
      expect(await focused(tab)).toBe(text);
    }

    it('leads past the header at once, and to every view', async () => {
      const tab = await ConsolePage.open(await visitor(), system.origin);
      const { keyboard } = tab.page;
      await tab.login.getByRole('button').first().waitFor();
      await keyboard.press('Tab');
      expect(await focused(tab)).toBe('Skip to the content');
      await keyboard.press('Enter');
      expect(await focusedId(tab)).toBe('content');
      await keyboard.press('Tab');
      expect(await focused(tab)).toMatch(/^alice/);
      await keyboard.press('Enter');
      await tab.shown('Relay');
      for (const view of ['Sessions', 'Keys'] as const) {
        await tabTo(tab, view);
        await keyboard.press('Enter');
        await tab.shown(view);
        // Where one goes on by Tab is in what has just been chosen.
        await until(LIMIT_MS, () => focusedId(tab), 'content');
      }
    });

    it('leaves a dialog by Escape with nothing done, and confirms it', async () => {
      const tab = await ConsolePage.openAs('carol', await visitor(), system.origin, 'Sessions');
      const { keyboard } = tab.page;
      await tab.shown('Sessions');
      await tabTo(tab, 'End all');
      await keyboard.press('Enter');
      await tab.dialog.waitFor();
      expect(await focused(tab)).toBe('No, leave it');
      await keyboard.press('Escape');
      await tab.dialog.waitFor({ state: 'detached' });
      await until(LIMIT_MS, () => focused(tab), 'End all');
      expect(tab.statuses('/auth/sessions')).not.toContain(204);
      await keyboard.press('Enter');
      await tab.dialog.waitFor();
      await keyboard.press('Tab');
      expect(await focused(tab)).toBe('Yes, end all');
      await keyboard.press('Enter');
      await tab.login.waitFor();
      // The page forgets it first, and then tells auth.
      await until(LIMIT_MS, () => Promise.resolve(tab.statuses('/auth/sessions').includes(204)), true);
    });
  });

  it.each([
    ['moves nothing for somebody who wants less of that', 'reduce', false],
    ['shows that it waits to everybody else', 'no-preference', true],
  ] as const)('%s', async (_what, reducedMotion, isMoving) => {
    const context = await visitor({ reducedMotion });
    let letGo = (): void => undefined;
    const held = new Promise<void>((done) => (letGo = done));
    await context.route(/\/console\/api\/relay\?/, async (route) => {
      await held;
      await route.continue();
    });
    const tab = await ConsolePage.openAs('alice', context, system.origin);
    await tab.main.locator('.busy-line').first().waitFor();
    const animations: number = await tab.page.evaluate('document.getAnimations().length');
    expect(animations > 0).toBe(isMoving);
    letGo();
    await tab.shown('Relay');
  });

  it('can be shown in pictures, those of the docs', async () => {
    const picture = async ({ page }: ConsolePage, view: View, from?: string): Promise<void> => {
      await page.evaluate(from === undefined ? 'scrollTo(0, 0)' : `document.querySelector('${from}').scrollIntoView()`);
      const path = join(PICTURES, `console-${view.toLowerCase()}.png`);
      const taken = await page.screenshot(UPDATE_PICTURES ? { path } : {});
      expect(taken.length).toBeGreaterThan(10_000);
    };
    const operator = await ConsolePage.openAs('admin', await visitor(), system.origin, 'Keys');
    await operator.shown('Keys');
    await picture(operator, 'Keys');

    // Nobody else is that, so that there are just these two sessions.
    await system.login('bob');
    const tab = await ConsolePage.openAs('bob', await visitor(), system.origin);
    await tab.shown('Relay');
    expect(await tab.send()).toBe(200);
    await tab.lane('gateway').getByText('Cache hit').waitFor();
    await tab.page.setViewportSize({ width: DESK.width, height: 1_120 });
    await picture(tab, 'Relay', '#chain-title');
    await tab.page.setViewportSize(DESK);
    await tab.show('Sessions');
    await tab.confirm(/^End the session of /, 'Yes, end it');
    for (const service of SERVICES) await tab.heard(service).filter({ hasText: 'heard' }).waitFor();
    await picture(tab, 'Sessions');
    await tab.show('Attacks');
    for (let i = 0; i < QUICK_ATTACKS; i++) {
      await tab.attacks.nth(i).getByRole('button').click();
      await tab.attacks.nth(i).getByText('It got nothing').waitFor();
    }
    await picture(tab, 'Attacks');
    await tab.show('Inspector');
    await tab.inspect(tampered(await system.login('bob')));
    await tab.verdict.filter({ hasText: 'Rejected' }).waitFor();
    await picture(tab, 'Inspector', '#decision-title');
  });
});
