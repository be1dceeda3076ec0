/** What a person does to documents, by mouse, keyboard and commands. */
import { setTimeout as pause } from 'node:timers/promises';
import { Onlooker } from './onlooker.mjs';
import { PATIENCE } from './waiting.mjs';

export class Editor extends Onlooker {
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

  /** Put in a text at the end of a cell (or of the file), at once. */
  async paste(path, text, cell = 0) {
    await this.enter(path, cell);
    await this.page.keyboard.insertText(text);
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

  /** Save by keyboard, and wait until it is done: what is clean already is saved, too. */
  async save(path) {
    await this.enter(path);
    await this.run(path, ({ context }) => {
      window.saved = new Promise(resolve => {
        const onState = (_, state) => {
          if (state === 'completed') {
            context.saveState.disconnect(onState);
            resolve();
          }
        };
        context.saveState.connect(onState);
      });
      return true;
    });
    await this.page.keyboard.press('Control+s');
    await this.page.evaluate(() => window.saved);
    await this.isClean(path);
  }

  /** Say yes to the dialog that is open. */
  async accept() {
    await this.page
      .locator('.jp-Dialog-button.jp-mod-accept')
      .click({ timeout: PATIENCE });
  }
}
