/** Somebody at the site: a page in a browser context of its own. */
import {
  dateOfFile,
  deleteFile,
  isKept,
  listFiles,
  makeFolder,
  moveFile,
  putFiles,
  readFile,
  readText,
  writeFile
} from './drive.mjs';
import { Editor } from './editor.mjs';
import { preparePage } from './page.mjs';
import { PATIENCE, eventually } from './waiting.mjs';

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
  { site, name, files, beside, ...options } = {}
) {
  const { config = {}, appConfig = {}, settings, extension } = options;
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
  const one = new Person(context, site, name, options);
  await one.sitDown();
  if (files) {
    await one.own(files);
  }
  return one;
}

export class Person extends Editor {
  constructor(context, site, name, options) {
    super(name);
    Object.assign(this, { context, site, options });
  }

  /** Begin with a fresh page, as on the first day or after a crash. */
  async sitDown() {
    this.page = await preparePage(this, this.options);
  }

  /** Put files into this person's own drive while no application runs, as if saved on another day. */
  async own(files) {
    await this.page.goto(`${this.site}/package.json`);
    await putFiles(this.page, files);
  }

  /** What is on this person's drive. */
  file(path) {
    return readFile(this.page, path);
  }

  /** The same, as text. */
  text(path) {
    return readText(this.page, path);
  }

  /** Write a file as anything else on the page would: an upload, a kernel. */
  write(path, content) {
    return writeFile(this.page, path, content);
  }

  /** Move or rename a file, as in the file browser. */
  move(from, to) {
    return moveFile(this.page, from, to);
  }

  /** Delete a file, as in the file browser. */
  delete(path) {
    return deleteFile(this.page, path);
  }

  /** When the drive says that a file was written. */
  modified(path) {
    return dateOfFile(this.page, path);
  }

  /** Wait until a text that was put in at once would survive a crash of the page. */
  keeps(text) {
    return eventually(async () => {
      if (!(await isKept(this.page, text))) {
        throw new Error(`${this.name}'s browser never kept ${text}`);
      }
    });
  }

  /** Make a folder in this person's drive. */
  makeFolder(path) {
    return makeFolder(this.page, path);
  }

  /** The paths in a folder of this person's drive. */
  files(folder = '') {
    return listFiles(this.page, folder);
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

  /** Press Share; the link, as it was copied. */
  async share() {
    await this.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await this.page.locator('.jp-WebrtcShare').click({ timeout: PATIENCE });
    await this.noticed(/You are sharing this/);
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  close() {
    return this.context.close();
  }

  /** The page's process dies: nobody is told, nothing is tidied up. */
  async crash() {
    const crashed = this.page.waitForEvent('crash', { timeout: PATIENCE });
    const devtools = await this.context.newCDPSession(this.page);
    devtools.send('Page.crash').catch(() => undefined); // it never answers
    await crashed;
  }
}
