import { type AxeResults, source } from 'axe-core';
import { type Page } from 'playwright-core';

/** Whatever axe finds on the page as it is, a line for each place; by all rules that it has on by itself. */
export async function axeViolations(page: Page): Promise<string[]> {
  // As a developer's tools would: the page's own policy lets no other script in.
  await page.evaluate(source);
  const { violations }: AxeResults = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html} – ${failureSummary.replaceAll(/\s+/g, ' ')}`),
  );
}
