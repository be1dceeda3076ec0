/** Somebody at the site: a page in a browser context of its own. */
import { setTimeout as pause } from 'node:timers/promises';

/** How long a person waits for something before it counts as broken, in milliseconds. */
export const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

/** How long between two looks at something that has no event. */
const GLANCE = 50;

/** The name of an extension that a test brings. */
const EXTENSION = 'test-extension';

/** A federated extension as a bundler would make it, around the body of a function. */
const container = body => `
(window._JUPYTERLAB ??= {})['${EXTENSION}'] = {
  init(scope) { this.scope = scope; },
  async get() {
    const req = async name => {
      const [version] = Object.keys(this.scope[name]);
      return (await this.scope[name][version].get())();
    };
    const plugins = await (async () => { ${body} })();
    return () => ({ __esModule: true, default: plugins });
  }
};`;

/** Runs in the page before anything else. */
const IN_PAGE = () => {
  window.documentAt = path =>
    [...(window.jupyterapp?.shell.widgets('main') ?? [])].find(
      widget => widget.context?.path === path
    );
  // What is told, and asked, is noted: it may be gone before a test looks.
  const noted = new WeakSet();
  new window.MutationObserver(changes => {
    for (const node of changes.flatMap(change => [...change.addedNodes])) {
      for (const [kind, selector] of [
        ['notices', '.Toastify__toast'],
        ['dialogs', '.jp-Dialog']
      ]) {
        if (node instanceof window.Element) {
          const found = node.matches(selector)
            ? node
            : node.querySelector(selector);
          if (found && !noted.has(found)) {
            noted.add(found);
            window.__seen(kind, found.textContent);
          }
        }
      }
    }
  }).observe(document, { childList: true, subtree: true });
};

/**
 * Open a page for somebody who has not gone anywhere yet.
 *
 * @param browser The browser.
 * @param options.site Where the site is.
 * @param options.name Their name in the URL; none if null.
 * @param options.config Keys to change in `jupyter-config-data` of the site.
 * @param options.appConfig The same for single applications: `{lab: {…}}`.
 * @param options.settings Settings of plugins, as in `overrides.json`.
 * @param options.files Files of their own drive: path to notebook or text.
 * @param options.init A function that runs in the page before anything else.
 * @param options.extension One more extension: the body of a function that returns its plugins, with
 *   `req(name)` giving any module that JupyterLab shares.
 * @param options.beside Somebody in whose browser this is one more tab.
 */
export async function person(
  browser,
  {
    site,
    name,
    config = {},
    appConfig = {},
    settings,
    files,
    init,
    extension,
    beside
  } = {}
) {
  const context =
    beside?.context ??
    (await browser.newContext({
      viewport: { width: 1200, height: 800 },
      // A service worker would fetch the configuration past the change that is made to it here.
      serviceWorkers:
        settings ||
        extension ||
        Object.keys(appConfig).length ||
        Object.keys(config).length
          ? 'block'
          : 'allow'
    }));
  const page = await context.newPage();
  const one = new Person(page, context, site, name);
  await page.exposeFunction('__seen', (kind, text) => one[kind].push(text));
  await page.addInitScript(IN_PAGE);
  if (init) {
    await page.addInitScript(init);
  }
  await page.route('**/jupyter-lite.json*', async route => {
    const response = await route.fetch();
    if (!response.ok()) {
      return route.fulfill({ response });
    }
    const json = await response.json();
    const { pathname } = new URL(route.request().url());
    const data = (json['jupyter-config-data'] ??= {});
    const app = pathname.split('/').at(-2);
    if (app) {
      Object.assign(data, appConfig[app]);
    } else {
      Object.assign(data, config);
      data.settingsOverrides = { ...data.settingsOverrides, ...settings };
      if (extension) {
        data.federated_extensions.push({
          name: EXTENSION,
          extension: './extension',
          load: 'static/remoteEntry.js'
        });
      }
    }
    await route.fulfill({ json });
  });
  await page.route(`**/extensions/${EXTENSION}/static/remoteEntry.js*`, route =>
    route.fulfill({
      contentType: 'text/javascript',
      body: container(extension)
    })
  );
  page.on('websocket', socket => {
    one.sockets.push(socket.url());
    socket.on('framesent', frame => one.sent.push(String(frame.payload)));
  });
  page.on('request', request => one.requests.push(request.url()));
  page.on('pageerror', error => {
    // What has no message is the service worker's, which was not allowed to register.
    if (error.message !== 'undefined') {
      one.errors.push(error.message);
    }
  });
  page.on('console', message =>
    one.console.push(`${message.type()}: ${message.text()}`)
  );
  if (files) {
    await one.own(files);
  }
  return one;
}

/** Look again and again until `check` does not throw; then what it returned. */
export async function eventually(check, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    try {
      return await check();
    } catch (reason) {
      if (Date.now() > end) {
        throw reason;
      }
      await pause(GLANCE);
    }
  }
}

export class Person {
  constructor(page, context, site, name) {
    Object.assign(this, { page, context, site, name });
    this.sockets = [];
    this.sent = [];
    this.requests = [];
    this.errors = [];
    this.console = [];
    this.notices = [];
    this.dialogs = [];
  }

  /** Put files into this person's own drive while no application runs, as if saved on another day. */
  async own(files) {
    await this.page.goto(`${this.site}/package.json`);
    await this.page.evaluate(async files => {
      const done = request =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const opening = window.indexedDB.open('JupyterLite Storage - /');
      opening.onupgradeneeded = () => opening.result.createObjectStore('files');
      const database = await done(opening);
      const store = database
        .transaction('files', 'readwrite')
        .objectStore('files');
      const date = '2026-01-01T00:00:00.000Z';
      for (const [path, content] of Object.entries(files)) {
        const isText = typeof content === 'string';
        const file = {
          name: path,
          path,
          last_modified: date,
          created: date,
          format: isText ? 'text' : 'json',
          mimetype: isText ? 'text/plain' : 'application/x-ipynb+json',
          content,
          writable: true,
          type: isText ? 'file' : 'notebook',
          size: JSON.stringify(content).length
        };
        await done(store.put(file, path));
      }
      database.close();
    }, files);
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

  /** Follow a link that somebody sent, into a fresh page. */
  async follow(link) {
    const url = new URL(link);
    if (this.name) {
      url.searchParams.set('username', this.name);
    }
    await this.page.goto('about:blank');
    await this.page.goto(url.href);
  }

  /** Open one more document in the application. */
  async openMore(path) {
    await this.command('docmanager:open', { path });
    await this.isOpen(path);
  }

  /** Open what somebody else has open, by a click in the list of people. */
  async openFromPeople(path) {
    await this.page.evaluate(() =>
      window.jupyterapp.shell.activateById('jp-collaboration-panel')
    );
    const collaborator = this.page.locator('.jp-Collaborator', {
      has: this.page.locator('.jp-CollaboratorFile', { hasText: path })
    });
    await collaborator
      .first()
      .locator('.jp-CollaboratorHeaderCollapser')
      .click();
    await collaborator
      .first()
      .locator('.jp-CollaboratorFile', { hasText: path })
      .click({ timeout: PATIENCE });
    await this.isOpen(path);
  }

  /** Load the page anew. Lab takes the path from the address and puts it back some time later. */
  async reload(path) {
    await this.page.evaluate(path => {
      const url = new URL(window.location.href);
      url.searchParams.set('path', path);
      window.history.replaceState(null, '', url.href);
    }, path);
    await this.page.reload();
    await this.isOpen(path);
  }

  /** Wait until the document at `path` is loaded. */
  isOpen(path) {
    return this._wait(
      path => window.documentAt?.(path)?.context.isReady,
      path,
      `${path} open`
    );
  }

  /** Run `body(widget, model, argument)` in the page, for the document at `path`. */
  run(path, body, argument) {
    return this.page.evaluate(CALL, [path, body.toString(), argument]);
  }

  /** Wait until `body(widget, model, argument)` is true in the page. */
  until(path, body, argument, what = body.toString()) {
    return this._wait(CALL, [path, body.toString(), argument], what, path);
  }

  /** The sources of all cells, or the text of a file. */
  sources(path) {
    return this.run(path, SOURCES);
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
      `the sources ${JSON.stringify(expected)}`
    );
  }

  /** Wait until a text is somewhere in the document. */
  sees(path, text) {
    return this.until(
      path,
      (_, model, text) =>
        (model.cells?.map(cell => cell.getSource()) ?? [model.getSource()])
          .join('\n')
          .includes(text),
      text,
      JSON.stringify(text)
    );
  }

  /** Put the cursor at the end of a cell (or of the file), by mouse and keyboard. */
  async enter(path, cell = 0) {
    const id = await this.run(path, widget => widget.id);
    // A Markdown cell shows its source after a double click.
    const editor = this.page.locator(`[id="${id}"] .cm-content`);
    await this.run(
      path,
      (widget, model, cell) => {
        if (model.cells) {
          widget.content.activeCellIndex = cell;
          const one = widget.content.widgets[cell];
          if (one.model.type === 'markdown') {
            one.rendered = false;
          }
        }
      },
      cell
    );
    const cells = this.page.locator(`[id="${id}"] .jp-Notebook-cell`);
    await (
      (await this.isNotebook(path))
        ? cells.nth(cell).locator('.cm-content')
        : editor.first()
    ).click({ timeout: PATIENCE });
    await this.page.keyboard.press('Control+End');
  }

  /** Type at the end of a cell (or of the file), key by key. */
  async type(path, text, cell = 0) {
    await this.enter(path, cell);
    await this.page.keyboard.type(text, { delay: 5 });
  }

  isNotebook(path) {
    return this.run(path, (_, model) => Boolean(model.cells));
  }

  /** Execute a command of the application, to its end. */
  async command(id, args = {}) {
    const done = this.page.evaluate(
      ([id, args]) =>
        window.jupyterapp.commands.execute(id, args).then(() => true),
      [id, args]
    );
    const late = pause(PATIENCE, false, { ref: false });
    if (!(await Promise.race([done, late]))) {
      throw new Error(
        `${this.name} waited in vain for ${id}. Dialogs: ${JSON.stringify(this.dialogs)}`
      );
    }
  }

  /** The document as it would be saved. */
  content(path) {
    return this.run(path, (widget, model) =>
      model.cells ? widget.context.model.toJSON() : model.getSource()
    );
  }

  /** Save by keyboard, and wait until it is done. */
  async save(path) {
    await this.enter(path);
    await this.page.keyboard.press('Control+s');
    await this.isClean(path);
  }

  isClean(path) {
    return this.until(
      path,
      widget => !widget.context.model.dirty,
      undefined,
      `${path} saved`
    );
  }

  /** What is on this person's drive. */
  file(path) {
    return this.page.evaluate(async path => {
      const { contents } = window.jupyterapp.serviceManager;
      return (await contents.get(path, { content: true })).content;
    }, path);
  }

  /** The same, as text. */
  text(path) {
    return this.page.evaluate(async path => {
      const { contents } = window.jupyterapp.serviceManager;
      const options = { content: true, format: 'text' };
      return (await contents.get(path, options)).content;
    }, path);
  }

  /** The paths in the root of this person's drive. */
  files() {
    return this.page.evaluate(async () => {
      const { contents } = window.jupyterapp.serviceManager;
      const folder = await contents.get('', { content: true });
      return folder.content.map(file => file.path).sort();
    });
  }

  /** What was told, but for what merely says that something takes a while. */
  get warnings() {
    return this.notices.filter(
      notice => !/^(Looking for|Fetching|Waiting|Receiving)/.test(notice)
    );
  }

  /** Wait for a notification that matches, whether or not it is still there. */
  noticed(pattern) {
    return eventually(() => {
      const notice = this.notices.find(notice => pattern.test(notice));
      if (notice === undefined) {
        throw new Error(
          `${this.name} saw no notice like ${pattern}, but ${JSON.stringify(this.notices)}`
        );
      }
      return notice;
    });
  }

  /** Wait until this page is connected to that many others, as the Share button says. */
  meets(others) {
    return this._wait(
      count =>
        [...document.querySelectorAll('.jp-WebrtcShare')].some(button =>
          button.textContent.includes(`(${count})`)
        ),
      others + 1,
      `${others} others`
    );
  }

  /** The names in the people panel. */
  people() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('.jp-CollaboratorHeader')].map(one =>
        one.lastChild.textContent.trim()
      )
    );
  }

  /** Say yes to the dialog that is open. */
  async accept() {
    await this.page
      .locator('.jp-Dialog-button.jp-mod-accept')
      .click({ timeout: PATIENCE });
  }

  /** Press Share; the link, as it was copied. */
  async share() {
    await this.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await this.page.locator('.jp-WebrtcShare').click({ timeout: PATIENCE });
    await this.noticed(/You are sharing this/);
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** Who this person is to others. */
  identity() {
    return this.page.evaluate(
      () => window.jupyterapp.serviceManager.user.identity
    );
  }

  /** Write a file as anything else on the page would: an upload, a kernel. */
  write(path, content) {
    return this.page.evaluate(
      async ([path, content]) => {
        const { contents } = window.jupyterapp.serviceManager;
        const isText = typeof content === 'string';
        await contents.save(path, {
          type: isText ? 'file' : 'notebook',
          format: isText ? 'text' : 'json',
          content
        });
      },
      [path, content]
    );
  }

  /** When the drive says that a file was written. */
  modified(path) {
    return this.page.evaluate(async path => {
      const { contents } = window.jupyterapp.serviceManager;
      return (await contents.get(path, { content: false })).last_modified;
    }, path);
  }

  close() {
    return this.context.close();
  }

  async _wait(body, argument, what, path) {
    try {
      await this.page.waitForFunction(body, argument, { timeout: PATIENCE });
    } catch (reason) {
      const seen = path
        ? await this.sources(path).catch(String)
        : await this.page.locator('body').innerText().catch(String);
      throw new Error(
        `${this.name} never saw ${what}, but ${JSON.stringify(seen)?.slice(0, 1500)}\n` +
          `notices: ${JSON.stringify(this.notices)}, dialogs: ${JSON.stringify(this.dialogs)}\n` +
          `${this.errors.join('\n')}\n${this.console.slice(-8).join('\n')}\n${reason.message.split('\n')[0]}`
      );
    }
  }
}

/** Calls the source of a function, given by its text, in the page. */
const CALL = ([path, body, argument]) => {
  const widget = window.documentAt(path);
  return (
    widget &&
    new Function(`return (${body})`)()(
      widget,
      widget.context.model.sharedModel,
      argument
    )
  );
};

const SOURCES = (_, model) =>
  model.cells ? model.cells.map(cell => cell.getSource()) : model.getSource();
