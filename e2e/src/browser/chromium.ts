import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';

export const CHROMIUM = { name: 'chromium', debianPackage: 'chromium', variable: 'TEST_CHROMIUM' };

const WAIT_LIMIT_MS = 20_000;

/** The Chromium of Debian, or the one that `TEST_CHROMIUM` names. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env[CHROMIUM.variable] ?? '/usr/bin/chromium',
    // A process for each tab, however little memory there is: one that is frozen freezes no other.
    args: ['--renderer-process-limit=100'],
  });
}

/** A tab with the page of e2e/src/browser/page in it. */
export class Tab {
  private constructor(
    readonly page: Page,
    private readonly debug: CDPSession,
  ) {}

  /** @param options numbers for the client */
  static async open(context: BrowserContext, origin: string, options: Readonly<Record<string, number>> = {}) {
    const page = await context.newPage();
    const tab = new Tab(page, await context.newCDPSession(page));
    const parameters = Object.entries(options).map(([name, value]) => `${name}=${value}`);
    await page.goto(`${origin}/?${parameters.join('&')}`);
    await tab.until('globalThis.tab !== undefined');
    return tab;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.until('globalThis.tab !== undefined');
  }

  /** Waits until an expression is true in the tab. (The page's policy forbids `waitForFunction`.) */
  async until(expression: string): Promise<void> {
    for (const deadline = performance.now() + WAIT_LIMIT_MS; !(await this.page.evaluate(expression));) {
      if (performance.now() > deadline) throw new Error(`it does not come that ${expression}`);
      await sleep(20);
    }
  }

  /** Has the tab do one of the things that page/tab.js lists. */
  do<T = unknown>(what: string, ...parameters: unknown[]): Promise<T> {
    return this.page.evaluate(`tab.${what}(...${JSON.stringify(parameters)})`);
  }

  changes(): Promise<{ state: string; reason: string }[]> {
    return this.page.evaluate('tab.changes');
  }

  /** What came of its calls since it was asked last. */
  results(): Promise<unknown[]> {
    return this.page.evaluate('tab.results.splice(0)');
  }

  /**
   * From its next step on nothing runs in the tab, no timer, no answer, no message, and it keeps what it holds: as a
   * frozen tab, or one that is stopped by a system that is short of memory.
   */
  async freeze(): Promise<void> {
    await this.debug.send('Debugger.enable');
    await this.debug.send('Debugger.pause');
  }

  /** @returns once the tab has come to that next step */
  async frozen(): Promise<void> {
    await new Promise<unknown>((stopped) => this.debug.once('Debugger.paused', stopped));
  }

  async thaw(): Promise<void> {
    await this.debug.send('Debugger.disable');
  }
}
