/** The other browser. Playwright drives only its own build of Firefox, Puppeteer any. */
import { existsSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const FIREFOX =
  process.env.FIREFOX ??
  ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);

/** Firefox, or null where there is none. */
export function launchFirefox() {
  return FIREFOX
    ? puppeteer.launch({
        browser: 'firefox',
        executablePath: FIREFOX,
        headless: true
      })
    : null;
}
