import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import type { AxeResults } from 'axe-core';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The Chromium of this machine: `CHROME_PATH`, else the first in `PATH`; undefined: there is none. */
export function findChromium(): string | undefined {
  const told = process.env['CHROME_PATH'];
  if (told !== undefined && told !== '') return told;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isProgram);
}

/** Starts it, without a window. Its sandbox wants what a container's root does not have; it sees pages of the tests only. */
export function startChromium(executablePath: string): Promise<Browser> {
  const root = process.getuid?.() === 0;
  const args = ['--disable-gpu', '--disable-dev-shm-usage', ...(root ? ['--no-sandbox'] : [])];
  return chromium.launch({ executablePath, args });
}

/** What a browser said of a page that should have said nothing: a policy that was violated, a script that failed. Answers of 4xx are not among it. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    const expected = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(message.text());
  });
  return complaints;
}

/** What keeps somebody from using a page (WCAG 2.2 and good practice, by axe): a rule and where it is broken, each. Needs script in the page's context. */
export async function barriersIn(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  const barriers = violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target.join(' ')).join(', ')})`,
  );
  const [wide = 0, room = 0] = await page.evaluate<number[]>(
    '[document.documentElement.scrollWidth, window.innerWidth]',
  );
  return wide > room ? [...barriers, `wider than the window: ${wide} of ${room} pixels`] : barriers;
}
