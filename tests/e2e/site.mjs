/**
 * What the browser tests stand on: the built site served by the real signaling server, real browsers,
 * and people in separate browser contexts, so that nothing but WebRTC joins them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const {
  SITE_DIR = 'target/site',
  SIGNALING_BIN = 'target/release/jupyterlite-webrtc-signaling'
} = process.env;

/** Where Debian and others put the browser. */
const CHROMIUM =
  process.env.CHROMIUM ??
  [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome'
  ].find(existsSync);

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
];

/** How long a person waits for something before it counts as broken, in milliseconds. */
export const PATIENCE = 60_000;

/** The signaling server, serving the site too unless `site` is null. Port 0 takes a free one. */
export async function serve({ site = SITE_DIR, port = 0, args = [] } = {}) {
  const options = [
    '--port',
    String(port),
    ...(site ? ['--site', site] : []),
    ...args
  ];
  const child = spawn(SIGNALING_BIN, options, {
    stdio: ['ignore', 'pipe', 'inherit']
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const bound = line.match(/:(\d+)\s*$/)[1];
  return {
    port: Number(bound),
    url: `http://localhost:${bound}`,
    signaling: `ws://localhost:${bound}/signaling`,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }
  };
}

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** A room that no other test is in. */
export function freshRoom() {
  return `test-${Math.random().toString(36).slice(2, 10)}`;
}

/**
 * Somebody at the site.
 *
 * @param browser - the browser
 * @param options.config - keys to change in `jupyter-config-data` of the site
 * @param options.settings - `overrides.json`
 * @param options.files - files of their own drive: path to notebook or text
 * @param options.name - their user name in the URL
 */
export async function person(
  browser,
  { site, name, config = {}, settings, context } = {}
) {
  context ??= await browser.newContext({
    viewport: { width: 1200, height: 800 }
  });
  const page = await context.newPage();
  const one = new Person(page, context, site, name);
  await page.route('**/jupyter-lite.json*', async route => {
    const response = await route.fetch();
    if (!response.ok()) {
      return route.fulfill({ response });
    }
    const json = await response.json();
    if (new URL(route.request().url()).pathname === '/jupyter-lite.json') {
      Object.assign(json['jupyter-config-data'], config);
      if (settings) {
        json['jupyter-config-data'].settingsOverrides = {
          ...json['jupyter-config-data'].settingsOverrides,
          ...settings
        };
      }
    }
    await route.fulfill({ json });
  });
  page.on('websocket', socket => one.sockets.push(socket.url()));
  page.on('request', request => one.requests.push(request.url()));
  page.on('pageerror', error => one.errors.push(String(error.message)));
  page.on('console', message =>
    one.console.push(`${message.type()}: ${message.text()}`)
  );
  return one;
}

export class Person {
  constructor(page, context, site, name) {
    Object.assign(this, { page, context, site, name });
    this.sockets = [];
    this.requests = [];
    this.errors = [];
    this.console = [];
  }

  /** Go to a file: `query` are further URL parameters, `hash` the fragment. */
  async goto(path, { app = 'lab', room, query = {}, hash = '' } = {}) {
    const url = new URL(`${this.site}/${app}/index.html`);
    const all = { path, room, username: this.name, ...query };
    for (const [key, value] of Object.entries(all)) {
      if (value !== undefined && value !== null) {
        url.searchParams.set(key, value);
      }
    }
    url.hash = hash;
    await this.page.goto(url.href);
  }

  /** Go to a file and wait until it is open. */
  async open(path, options) {
    await this.goto(path, options);
    await this.isOpen(path);
    return this;
  }

  /** Wait until the document at `path` is loaded. */
  async isOpen(path) {
    await this.page
      .waitForFunction(
        path => window.jupyterapp && find(path)?.context.isReady,
        path,
        { timeout: PATIENCE }
      )
      .catch(async reason => {
        const seen = await this.page
          .locator('body')
          .innerText()
          .catch(() => '');
        throw new Error(
          `${path} did not open. ${reason.message}\n${this.console.slice(-8).join('\n')}\n${seen.slice(0, 400)}`
        );
      });
  }

  /** Run `body(widget, model, argument)` in the page, for the document at `path`. */
  run(path, body, argument) {
    return this.page.evaluate(
      ([path, body, argument]) => {
        const widget = find(path);
        return new Function(`return (${body})`)()(
          widget,
          widget.context.model.sharedModel,
          argument
        );
      },
      [path, body.toString(), argument]
    );
  }

  /** Wait until `body(widget, model, argument)` is true in the page. */
  async until(path, body, argument, what = body.toString()) {
    await this.page
      .waitForFunction(
        ([path, body, argument]) => {
          const widget = find(path);
          return (
            widget &&
            new Function(`return (${body})`)()(
              widget,
              widget.context.model.sharedModel,
              argument
            )
          );
        },
        [path, body.toString(), argument],
        { timeout: PATIENCE }
      )
      .catch(async () => {
        const source = await this.run(path, (_, model) =>
          JSON.stringify(model.getSource()).slice(0, 1000)
        ).catch(String);
        throw new Error(
          `${this.name ?? 'somebody'} never saw ${what} (${JSON.stringify(argument)}), but ${source}`
        );
      });
  }

  /** The sources of all cells, or the text of a file. */
  sources(path) {
    return this.run(path, (_, model) =>
      model.cells
        ? model.cells.map(cell => cell.getSource())
        : model.getSource()
    );
  }

  /** Wait until the cells' sources (or the text) are `expected`. */
  seesSources(path, expected) {
    return this.until(
      path,
      (_, model, expected) =>
        JSON.stringify(
          model.cells
            ? model.cells.map(cell => cell.getSource())
            : model.getSource()
        ) === JSON.stringify(expected),
      expected,
      'the sources'
    );
  }

  /** What is on this person's drive. */
  file(path) {
    return this.page.evaluate(async path => {
      const contents = window.jupyterapp.serviceManager.contents;
      return (await contents.get(path, { content: true })).content;
    }, path);
  }

  /** The paths in the root of this person's drive. */
  files() {
    return this.page.evaluate(async () => {
      const folder = await window.jupyterapp.serviceManager.contents.get('', {
        content: true
      });
      return folder.content.map(file => file.path).sort();
    });
  }

  /** Put a file into this person's drive. */
  put(path, content) {
    return this.page.evaluate(
      async ([path, content]) => {
        const notebook = typeof content !== 'string';
        await window.jupyterapp.serviceManager.contents.save(path, {
          path,
          type: notebook ? 'notebook' : 'file',
          format: notebook ? 'json' : 'text',
          content
        });
      },
      [path, content]
    );
  }

  /** The texts of all notifications that were shown. */
  notices() {
    return this.page.evaluate(() => window.seenNotices ?? []);
  }

  /** Wait for a notification that matches. */
  async noticed(pattern) {
    const toast = this.page.locator('.Toastify__toast', { hasText: pattern });
    await toast.first().waitFor({ timeout: PATIENCE });
    return toast.first().innerText();
  }

  /** How many others this page is connected to. */
  async meets(others) {
    await this.page
      .waitForFunction(
        others => {
          const label = [...document.querySelectorAll('.jp-WebrtcShare')]
            .map(one => one.textContent)
            .join();
          return label.includes(`(${others + 1})`);
        },
        others,
        { timeout: PATIENCE }
      )
      .catch(async () => {
        const label = await this.page
          .locator('.jp-WebrtcShare')
          .allInnerTexts();
        throw new Error(
          `${this.name} never met ${others} others: ${label}\n${this.console.slice(-10).join('\n')}`
        );
      });
  }

  close() {
    return this.context.close();
  }
}

/** Helpers that run in the page. */
export const IN_PAGE = `
  window.find = path => [...window.jupyterapp.shell.widgets('main')].find(
    widget => widget.context && (!path || widget.context.path === path));
`;
