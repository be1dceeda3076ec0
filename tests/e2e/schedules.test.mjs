/**
 * Several people who come, edit, leave and crash at random, in one room with two documents. However it
 * went: when all are back they see the same, nothing is there twice, and nothing is lost that anybody had.
 *
 *   SCHEDULES=50 make soak-schedules     more of them
 *   SEED=17 make soak-schedules          the one of that seed
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unasked } from './crowd.mjs';
import { whichAreKept } from './drive.mjs';
import { Markers } from './markers.mjs';
import { notebook, occurrences } from './notebooks.mjs';
import { roundText, schedule } from './schedule.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const { SEED, SCHEDULES = 1 } = process.env;
const FIRST = Number(SEED ?? 1);

const stage = await useStage();
const NOTEBOOK = 'mine.ipynb';
const TEXT = 'mine.txt';
const PATHS = [NOTEBOOK, TEXT];
/** What everybody's files have in the beginning are markers of nobody, which are never lost. */
const BEGINNING = {
  [NOTEBOOK]: ['[first]', '[second]', '[third]'],
  [TEXT]: ['[text]']
};
const files = {
  [NOTEBOOK]: notebook(...BEGINNING[NOTEBOOK]),
  [TEXT]: BEGINNING[TEXT].join('')
};

/** Plays a schedule with people in real browsers. */
class Play {
  constructor({ names }, signaling) {
    this.room = freshRoom();
    this.signaling = signaling;
    this.markers = new Markers();
    /** By name: those who came at least once. */
    this.people = new Map();
    /** The names of those who are there. */
    this.here = new Set();
    this.names = names;
    for (const path of PATHS) {
      for (const text of BEGINNING[path]) {
        this.markers.typed(text, path);
        this.markers.kept('everybody', [text]);
      }
    }
  }

  async round({ signaling, turns }) {
    if (signaling === false) {
      await this.signaling.stop();
    } else if (signaling) {
      await this.signaling.start();
      await Promise.all(
        [...this.here].map(name =>
          this.people.get(name).hides(/No signaling server can be reached/)
        )
      );
    } else {
      // All of them, also when one fails: its failure is to be seen, and not what became of the others.
      const over = await Promise.allSettled(turns.map(one => this.turn(one)));
      const failed = over.find(({ status }) => status === 'rejected');
      if (failed) {
        throw failed.reason;
      }
    }
    await this.look();
  }

  async turn({ name, steps }) {
    for (const { what, ...options } of steps) {
      await this[what](name, options);
    }
  }

  /** Note who shows what, and whose browser has kept what. */
  async look() {
    await Promise.all(
      [...this.here].map(async name => {
        const { page } = this.people.get(name);
        this.markers.shown(name, await this.documents(name));
        this.markers.kept(name, await whichAreKept(page, this.markers.texts));
      })
    );
  }

  /** What somebody sees, by path. */
  async documents(name) {
    const sources = await Promise.all(
      PATHS.map(path => this.people.get(name).sources(path))
    );
    return Object.fromEntries(PATHS.map((path, i) => [path, sources[i]]));
  }

  async come(name, { how }) {
    if (how === 'again') {
      const one = this.people.get(name);
      if (one.page.isClosed()) {
        await one.sitDown();
      }
    } else {
      await this.people.get(name)?.close();
      this.markers.storageIsGone(name);
      const { config } = this.signaling;
      const own = how === 'files' ? { files } : {};
      this.people.set(name, await stage.person(name, { config, ...own }));
    }
    const one = this.people.get(name);
    await one.open(NOTEBOOK, { room: this.room });
    await one.openMore(TEXT);
    this.here.add(name);
  }

  /** Type at a random place between two markers, at once, in the editor. */
  async type(name, { path, place, spot }) {
    const one = this.people.get(name);
    const text = this.markers.next(name);
    // JupyterLab takes the cursor out of a cell when somebody deletes one before it. A person puts it back.
    await eventually(async () => {
      const put = await one.run(path, PUT_CURSOR, { name, place, spot });
      assert.ok(put, 'an editor to type in');
      this.markers.typed(text, path, put.cell);
      await one.page.keyboard.insertText(text);
      const seen = await one.sources(path);
      assert.ok(
        occurrences(seen, text) > 0,
        `${name} never saw ${text}, but ${JSON.stringify(seen)}`
      );
    });
  }

  /** Insert a cell of one's own. In a text there are none. */
  async cell(name, { path, ...options }) {
    if (path === TEXT) {
      return this.type(name, { path, ...options });
    }
    const text = this.markers.next(name);
    const source = `#${name} ${text}`;
    const cell = await this.people.get(name).run(
      path,
      (_, model, { place, source }) => {
        const index = Math.floor((place / 100) * (model.cells.length + 1));
        return model.insertCell(index, { cell_type: 'code', source }).getId();
      },
      { source, place: options.place }
    );
    this.markers.typed(text, path, cell);
  }

  /** Put something new in the place of what one typed before, wherever that is. */
  async replace(name, { path, place }) {
    const instead = this.markers.next(name);
    const replaced = await this.people
      .get(name)
      .run(path, REPLACE_MARKER, { name, place, instead });
    if (replaced) {
      this.markers.typed(instead, path, replaced.cell);
      this.markers.removed([replaced.text], instead);
    }
  }

  /** Delete a cell of one's own, with a new one in its place. */
  async drop(name, { path, place }) {
    if (path === TEXT) {
      return this.replace(name, { path, place });
    }
    const instead = this.markers.next(name);
    const cells = await this.people
      .get(name)
      .run(path, REPLACE_CELL, { name, place, instead });
    if (cells) {
      this.markers.removed(this.markers.inCell(cells.old), instead);
      this.markers.typed(instead, path, cells.new);
    }
  }

  save(name, { path }) {
    return this.people.get(name).run(path, ({ context }) => context.save());
  }

  async leave(name) {
    this.isGone(name);
    await this.people.get(name).page.goto('about:blank');
  }

  async kill(name) {
    const one = this.people.get(name);
    this.isGone(name);
    await one.crash();
    await one.page.close();
  }

  async reload(name) {
    const one = this.people.get(name);
    this.isGone(name);
    await one.reload(NOTEBOOK);
    await one.openMore(TEXT);
    this.here.add(name);
  }

  isGone(name) {
    this.here.delete(name);
    this.markers.pageIsGone(name);
  }

  /** All come back, each types something, and all see all of it: then everything has arrived. */
  async end() {
    const everybody = this.names;
    const away = everybody.filter(name => !this.here.has(name));
    await Promise.all(
      away.map(name =>
        this.come(name, { how: this.people.has(name) ? 'again' : 'files' })
      )
    );
    await this.look();
    await Promise.all(
      everybody.map(async name => {
        for (const path of PATHS) {
          await this.type(name, { path, place: 50, spot: 50 });
        }
      })
    );
    await this.look();
    await eventually(async () => {
      const seen = await Promise.all(
        everybody.map(name => this.documents(name))
      );
      seen.forEach((documents, i) => {
        assert.deepEqual(documents, seen[0], `what ${everybody[i]} sees`);
        assert.deepEqual(this.markers.faults(documents), []);
      });
    });
    const people = everybody.map(name => this.people.get(name));
    const cells = await Promise.all(
      people.map(one =>
        one.run(NOTEBOOK, (_, model) => model.cells.map(cell => cell.getId()))
      )
    );
    assert.equal(new Set(cells[0]).size, cells[0].length, 'the ids of cells');
    cells.forEach(ids => assert.deepEqual(ids, cells[0], 'the cells'));
    await unasked(people);
  }
}

/**
 * Puts the cursor between two markers, in the file or in a cell that only its author deletes: the cell's id,
 * or null if its editor is still to be made. What is inserted then goes there, whatever others insert before.
 */
function PUT_CURSOR(widget, model, { name, place, spot }) {
  const pick = (list, at) => list[Math.floor((at / 100) * list.length)];
  window.jupyterapp.shell.activateById(widget.id);
  const isOfOthers = source =>
    source.startsWith('#') && !source.startsWith(`#${name} `);
  const cells = model.cells?.filter(one => !isOfOthers(one.getSource()));
  const cell = cells && pick(cells, place);
  let { editor } = widget.content;
  if (cell) {
    const { widgets } = widget.content;
    const index = widgets.findIndex(one => one.model.id === cell.getId());
    widget.content.activeCellIndex = index;
    widget.content.mode = 'edit';
    void widget.content.scrollToItem(index);
    ({ editor } = widgets[index]);
  }
  if (!editor) {
    return null;
  }
  const source = (cell ?? model).getSource();
  const ends = [...source.matchAll(/]/g)].map(({ index }) => index + 1);
  editor.focus();
  editor.setCursorPosition(editor.getPositionAt(pick(ends, spot) ?? 0));
  return { cell: cell?.getId() ?? null };
}

/** One of the markers of `name`, if there is one, gives way to `instead`: which one, and where. */
function REPLACE_MARKER(_, model, { name, place, instead }) {
  const found = (model.cells ?? [model]).flatMap(one =>
    [...one.getSource().matchAll(new RegExp(`\\[${name}-\\d+\\]`, 'g'))].map(
      ({ 0: text, index }) => ({ one, text, index })
    )
  );
  if (found.length === 0) {
    return null;
  }
  const at = Math.floor((place / 100) * found.length);
  const { one, text, index } = found[at];
  one.updateSource(index, index + text.length, instead);
  return { text, cell: model.cells ? one.getId() : null };
}

/** One of the cells of `name`, if there is one, gives way to another: their ids. */
function REPLACE_CELL(_, model, { name, place, instead }) {
  const own = model.cells.filter(one =>
    one.getSource().startsWith(`#${name} `)
  );
  if (own.length === 0) {
    return null;
  }
  const cell = own[Math.floor((place / 100) * own.length)];
  const old = cell.getId();
  const index = model.cells.indexOf(cell);
  let fresh;
  model.transact(() => {
    model.deleteCell(index);
    const source = `#${name} ${instead}`;
    fresh = model.insertCell(index, { cell_type: 'code', source }).getId();
  });
  return { old, new: fresh };
}

for (let seed = FIRST; seed < FIRST + Number(SCHEDULES); seed++) {
  test(`the schedule of seed ${seed} ends equal`, async () => {
    const plan = schedule(seed, PATHS);
    const play = new Play(plan, await stage.signaling());
    const start = Date.now();
    const done = [];
    try {
      for (const round of plan.rounds) {
        done.push(roundText(round));
        await play.round(round);
      }
      if (
        plan.rounds.findLast(one => 'signaling' in one)?.signaling === false
      ) {
        await play.round({ signaling: true });
      }
      done.push('all come back');
      await play.end();
    } catch (reason) {
      reason.message +=
        `\n\nThe schedule of seed ${seed}, up to where it failed:\n` +
        `${done.map((text, i) => `${i + 1}. ${text}`).join('\n')}\n\n` +
        `To run it again: SEED=${seed} make soak-schedules\n`;
      throw reason;
    }
    const { texts, required } = play.markers;
    console.log(
      `  seed ${seed}: ${plan.names.length} people, ${texts.length} markers, ` +
        `${required.length} of them had to be there, ${Date.now() - start} ms`
    );
  });
}
