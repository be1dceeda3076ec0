/** What can be seen of a page: its documents, what it told its person, who else is there. */
import { PATIENCE, eventually } from './waiting.mjs';

export class Onlooker {
  constructor(name) {
    this.name = name;
    /** The page that is looked at. */
    this.page = null;
    this.sockets = [];
    this.sent = [];
    this.requests = [];
    this.errors = [];
    this.console = [];
    this.notices = [];
    this.dialogs = [];
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

  isNotebook(path) {
    return this.run(path, (_, model) => Boolean(model.cells));
  }

  /** The document as it would be saved. */
  content(path) {
    return this.run(path, (widget, model) =>
      model.cells ? widget.context.model.toJSON() : model.getSource()
    );
  }

  isClean(path) {
    return this.until(
      path,
      widget => !widget.context.model.dirty,
      undefined,
      `${path} saved`
    );
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

  /** Wait until a notification that matches is there. */
  shows(pattern) {
    return this._wait(
      pattern =>
        [...document.querySelectorAll('.Toastify__toast')].some(toast =>
          new RegExp(pattern).test(toast.textContent)
        ),
      pattern.source,
      `a notice like ${pattern}`
    );
  }

  /** Wait until no notification that matches is there. */
  hides(pattern) {
    return this._wait(
      pattern =>
        ![...document.querySelectorAll('.Toastify__toast')].some(toast =>
          new RegExp(pattern).test(toast.textContent)
        ),
      pattern.source,
      `the end of a notice like ${pattern}`
    );
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

  /** Who this person is to others. */
  identity() {
    return this.page.evaluate(
      () => window.jupyterapp.serviceManager.user.identity
    );
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
