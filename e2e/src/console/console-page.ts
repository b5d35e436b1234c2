import { type BrowserContext, type Locator, type Page, type Response } from 'playwright-core';
import { type Username } from '../system';

export const VIEWS = ['Relay', 'Keys', 'Sessions', 'Attacks', 'Inspector'] as const;
export type View = (typeof VIEWS)[number];
/** Those that verify, in the order of the chain. */
export const SERVICES = ['gateway', 'resource', 'audit'] as const;

/** For whatever is waited for: the machine may be busy. */
const LIMIT_MS = 20_000;

/** From the page's first moment on, in spite of its policy: what jumps, and what the policy refuses. */
const WATCH = `
  globalThis.watched = { jumps: 0, refused: [] };
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) watched.jumps += value;
  }).observe({ type: 'layout-shift', buffered: true });
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    watched.refused.push(violatedDirective + ' ' + blockedURI));
`;

export interface Answered {
  /** With its query. */
  readonly path: string;
  readonly origin: string;
  readonly status: number;
  /** All of the body, as it is read. */
  readonly bytes: () => Promise<number>;
}

/** The console in a tab, by what somebody sees and hears of it. */
export class ConsolePage {
  /** What was answered to the page, in order. */
  readonly answers: Answered[] = [];
  readonly #complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(LIMIT_MS);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.#complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.#complaints.push(String(error)));
    page.on('response', (response) => {
      const { origin, pathname, search } = new URL(response.url());
      const bytes = async (): Promise<number> => (await response.body()).length;
      this.answers.push({ path: pathname + search, origin, status: response.status(), bytes });
    });
  }

  static async open(context: BrowserContext, origin: string, view?: View): Promise<ConsolePage> {
    const page = await context.newPage();
    const opened = new ConsolePage(page);
    await page.addInitScript(WATCH);
    await page.goto(`${origin}/${view === undefined ? '' : hashOf(view)}`);
    return opened;
  }

  /** Opens it, and logs in by one click. */
  static async openAs(username: Username, context: BrowserContext, origin: string, view?: View): Promise<ConsolePage> {
    const opened = await ConsolePage.open(context, origin, view);
    await opened.logIn(username);
    return opened;
  }

  // Parts of the page

  get main(): Locator {
    return this.page.getByRole('main');
  }

  get login(): Locator {
    return this.page.getByRole('region', { name: 'Log in' });
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  get alert(): Locator {
    return this.main.getByRole('alert').filter({ hasText: /\S/ });
  }

  /** What says that somebody is logged in. */
  get logOut(): Locator {
    return this.page.getByRole('button', { name: 'Log out' });
  }

  heading(name: string): Locator {
    return this.page.getByRole('heading', { name, exact: true });
  }

  /** One that can be pressed: those that are busy are waited for. */
  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: true, disabled: false });
  }

  link(view: View): Locator {
    return this.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: view, exact: true });
  }

  // What anybody does

  async logIn(username: Username): Promise<void> {
    await this.login.getByRole('button', { name: new RegExp(`^${username}`) }).click();
    await this.logOut.waitFor();
  }

  /** Chooses a view, and waits for what it begins with. */
  async show(view: View): Promise<void> {
    await this.link(view).click();
    await this.shown(view);
  }

  /** Waits until a view has what it asks for. */
  async shown(view: View): Promise<void> {
    await this.heading(view).waitFor();
    await this.#content(view).first().waitFor();
    await this.main.getByRole('status').locator('.busy-line').first().waitFor({ state: 'detached' });
  }

  /** Presses a button that asks back, and says yes. */
  async confirm(name: string | RegExp, yes: string): Promise<void> {
    await this.button(name).click();
    await this.dialog.getByRole('button', { name: yes, exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
  }

  // The relay

  /** Sends the call again. @returns the status of the answer, or the code of what has refused the call on its way */
  async send(): Promise<number | string> {
    const answer = await this.#answerTo('/console/api/relay', this.button('Send the call again'));
    if (answer.status() !== 200) return answer.status();
    const { refusal } = (await answer.json()) as { refusal?: { code: string } };
    return refusal?.code ?? 200;
  }

  async chooseMode(name: 'Exchange' | 'Transaction' | 'Forward'): Promise<void> {
    await this.page.getByRole('radio', { name }).check();
  }

  /** The head of a column of what the modes have come to. */
  compared(name: 'Exchange' | 'Transaction' | 'Forward'): Locator {
    return this.page.getByRole('columnheader', { name, exact: true });
  }

  get lanes(): Locator {
    return this.main.locator('.lanes > li');
  }

  lane(service: string): Locator {
    return this.lanes.filter({ has: this.page.locator(`h3:text-is("${service}")`) });
  }

  /** One of the things that have changed in what a service sends on; what it has become is marked. */
  change(service: string, what: string): Locator {
    return this.lane(service).locator('.change').filter({ hasText: what }).locator('mark');
  }

  async traceId(): Promise<string> {
    return (await this.main.locator('dt:text-is("Trace") + dd code').textContent()) ?? '';
  }

  // The keys

  keys(state: 'active' | 'pending' | 'retiring' | 'compromised'): Locator {
    return this.main.locator('.keys > li').filter({ has: this.page.locator(`[data-state="${state}"]`) });
  }

  /** The whole id of the first key in a state; empty for none. */
  async kid(state: 'active' | 'pending' | 'retiring' | 'compromised'): Promise<string> {
    const code = this.keys(state).first().locator('code').first();
    return (await code.count()) === 0 ? '' : ((await code.getAttribute('title')) ?? '');
  }

  // Sessions, attacks and the inspector

  /** How a service has heard of the revocation that came last. */
  heard(service: string): Locator {
    const latest = this.page.getByRole('region', { name: 'Heard by every service' }).locator('.card').first();
    return latest.locator(`dt:text-is("${service}") + dd`);
  }

  get attacks(): Locator {
    return this.main.getByRole('article');
  }

  async inspect(token: string): Promise<void> {
    await this.page.getByLabel('Token', { exact: true }).fill(token);
    await this.#answerTo('/console/api/inspect', this.button('Inspect'));
  }

  /** What the decision is, in words and with its code. */
  get verdict(): Locator {
    return this.page.getByRole('region', { name: 'Decision' }).locator('.verdict');
  }

  // What somebody sees who looks closely

  /** Errors and warnings of the console, what nobody has caught, and what the page's policy has refused. */
  async complaints(): Promise<string[]> {
    const refused: string[] = await this.page.evaluate('watched.refused');
    return [...this.#complaints, ...refused];
  }

  /** What has moved without anybody's doing, as Cumulative Layout Shift counts it. */
  jumps(): Promise<number> {
    return this.page.evaluate('watched.jumps');
  }

  /** By how many pixels the page is wider than what one sees of it. */
  overflow(): Promise<number> {
    return this.page.evaluate('Math.max(0, document.documentElement.scrollWidth - innerWidth)');
  }

  /** Of every answer so far whose path begins so. */
  statuses(path: string): number[] {
    return this.answers.flatMap((answer) => (answer.path.startsWith(path) ? [answer.status] : []));
  }

  /** What comes when a button is pressed. */
  async #answerTo(path: string, button: Locator): Promise<Response> {
    const answer = this.page.waitForResponse((response) => new URL(response.url()).pathname === path);
    // Nobody waits for it where the button can't be pressed.
    answer.catch(() => undefined);
    await button.click();
    return answer;
  }

  #content(view: View): Locator {
    switch (view) {
      case 'Relay':
        return this.heading('Hop by hop');
      case 'Keys':
        return this.main.getByRole('heading', { name: /^(The ring, version|Keys that the gateway takes)/ });
      case 'Sessions':
        return this.main.getByText('This one', { exact: true });
      case 'Attacks':
        return this.attacks;
      case 'Inspector':
        return this.button('Inspect');
    }
  }
}

function hashOf(view: View): string {
  return `#${view.toLowerCase()}`;
}
