/** Runs of cells by several people, who also leave in the middle. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
  type Awareness
} from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { LocalCodeCell } from './cells.js';
import { LocalNotebook } from './models.js';
import { connect, exchange, notebook } from './testing.js';

const CELL = { cell_type: 'code', source: '1', id: 'one' } as const;
const stream = (text: string): any => ({
  output_type: 'stream',
  name: 'stdout',
  text
});

const cell = (model: LocalNotebook) => model.getCell(0) as LocalCodeCell;

/** As JupyterLab begins a run. */
function start(model: LocalNotebook): void {
  cell(model).clearOutputs('silent-change');
  cell(model).executionState = 'idle';
  cell(model).executionState = 'running';
}

function say(model: LocalNotebook, text: string): void {
  const { length } = cell(model).getOutputs();
  cell(model).updateOutputs(length, length, [stream(text)], 'silent-change');
}

/** As JupyterLab ends one. */
function end(model: LocalNotebook, count: number): void {
  cell(model).execution_count = count;
  cell(model).executionState = 'idle';
}

/** What becomes of a page's runs. Given back, it shows again what its kernel said in the meantime. */
function contest(model: LocalNotebook, ...kept: string[]): string[] {
  const steps: string[] = [];
  model.contested.connect((_, [, step]) => {
    if (step !== 'emptied') {
      steps.push(step);
    }
    if (step === 'returned') {
      kept.forEach(text => say(model, text));
    }
  });
  return steps;
}

const texts = (model: LocalNotebook) =>
  cell(model)
    .getOutputs()
    .map((output: any) => output.text);

/** Keep presence in step, as a room does. */
function present(...all: Awareness[]): void {
  for (const from of all) {
    from.on('update', (_: unknown, origin: unknown) => {
      if (origin !== 'peer') {
        tell(from, all);
      }
    });
    tell(from, all);
  }
}

function tell(from: Awareness, all: Awareness[]): void {
  const update = encodeAwarenessUpdate(from, [from.clientID]);
  all
    .filter(to => to !== from)
    .forEach(to => applyAwarenessUpdate(to, update, 'peer'));
}

describe('running cells', () => {
  let ada: LocalNotebook;
  let grace: LocalNotebook;
  let eve: LocalNotebook;
  let all: LocalNotebook[];
  let part: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    all = [ada, grace, eve] = [1, 2, 3].map(() => new LocalNotebook());
    ada.setSource(notebook([CELL]));
    part = connect(...all.map(model => model.ydoc));
    ada.awareness.setLocalStateField('user', { name: 'Ada', color: '#abc' });
    present(...all.map(model => model.awareness));
  });

  afterEach(() => {
    all.forEach(model => model.dispose());
    vi.useRealTimers();
  });

  const gone = (who: LocalNotebook) =>
    all
      .filter(model => model !== who)
      .forEach(model =>
        removeAwarenessStates(model.awareness, [who.ydoc.clientID], 'peer')
      );

  it('are known to others with who runs them, until they end', () => {
    start(ada);
    expect(grace.running.othersAt('one')).toEqual([
      { name: 'Ada', color: '#abc' }
    ]);
    expect(ada.running.othersAt('one')).toEqual([]);
    expect(cell(grace).executionState).toBe('running');
    end(ada, 1);
    expect(grace.running.othersAt('one')).toEqual([]);
    expect(cell(grace).executionState).toBe('idle');
  });

  it('are not ended by a page that merely shows them', () => {
    start(ada);
    cell(grace).executionState = 'idle';
    expect(cell(ada).executionState).toBe('running');
  });

  it('end when who runs them is gone', () => {
    start(ada);
    say(ada, 'half');
    part();
    gone(ada);
    expect(cell(grace).executionState).toBe('idle');
    expect(cell(eve).executionState).toBe('idle');
    exchange(grace.ydoc, eve.ydoc);
    expect(texts(grace)).toEqual(['half']);
  });

  it('go on while somebody else still runs them', () => {
    start(ada);
    start(grace);
    gone(ada);
    expect(cell(eve).executionState).toBe('running');
  });

  it('show one person’s outputs when two run at once', () => {
    part();
    for (const one of [ada, grace]) {
      start(one);
      say(one, `by ${one.ydoc.clientID}: 1`);
      say(one, '2');
    }
    part = connect(...all.map(model => model.ydoc));
    const [first] = texts(ada);
    expect([ada, grace].map(one => `by ${one.ydoc.clientID}: 1`)).toContain(
      first
    );
    for (const one of all) {
      expect(texts(one)).toEqual([first, '2']);
    }
  });

  it('show the later run of two in turn, also if the first one is not at its end', () => {
    const steps = contest(ada);
    start(ada);
    say(ada, 'ada');
    start(grace);
    expect(steps).toEqual(['superseded']);
    say(grace, 'grace');
    end(ada, 7); // unheard
    expect(cell(eve).executionState).toBe('running');
    end(grace, 2);
    for (const one of all) {
      expect(texts(one)).toEqual(['grace']);
      expect(cell(one).execution_count).toBe(2);
      expect(cell(one).executionState).toBe('idle');
    }
  });

  it('are given back by a later run that was aborted before it began', () => {
    const steps = contest(ada, 'ada');
    start(ada);
    say(ada, 'ada');
    start(grace);
    end(ada, 7); // unheard as yet
    for (const one of all) {
      expect(texts(one)).toEqual([]);
    }
    cell(grace).execution_count = null;
    cell(grace).executionState = 'idle';
    expect(steps).toEqual(['superseded', 'returned']);
    for (const one of all) {
      expect(texts(one)).toEqual(['ada']);
      expect(cell(one).execution_count).toBe(7);
      expect(cell(one).executionState).toBe('idle');
    }
  });

  it('go on as before when a later run was aborted in the middle of theirs', () => {
    contest(ada, 'ada');
    start(ada);
    start(grace);
    cell(grace).executionState = 'idle';
    expect(cell(eve).executionState).toBe('running');
    expect(eve.running.othersAt('one')).toHaveLength(1);
    say(ada, 'more');
    end(ada, 7);
    for (const one of all) {
      expect(texts(one)).toEqual(['ada', 'more']);
      expect(cell(one).execution_count).toBe(7);
      expect(cell(one).executionState).toBe('idle');
    }
  });

  it.each([0, 1])('are given back by who leaves before they began', first => {
    contest(ada, 'ada');
    start(ada);
    start(grace);
    part();
    const left = first === 0 ? [ada, eve] : [eve, ada];
    const client = grace.ydoc.clientID;
    left.forEach(({ awareness }) =>
      removeAwarenessStates(awareness, [client], 'peer')
    );
    part = connect(ada.ydoc, eve.ydoc);
    for (const one of left) {
      expect(cell(one).executionState).toBe('running');
    }
    end(ada, 7);
    for (const one of left) {
      expect(texts(one)).toEqual(['ada']);
      expect(cell(one).execution_count).toBe(7);
      expect(cell(one).executionState).toBe('idle');
    }
  });

  it('stay those of the later run once that has begun, also if it is cut off', () => {
    const steps = contest(ada, 'ada');
    start(ada);
    start(grace);
    say(grace, 'half');
    expect(steps).toEqual(['superseded', 'begun']);
    end(ada, 7);
    part();
    gone(grace);
    exchange(ada.ydoc, eve.ydoc);
    for (const one of [ada, eve]) {
      expect(texts(one)).toEqual(['half']);
      expect(cell(one).execution_count).toBe(null);
      expect(cell(one).executionState).toBe('idle');
    }
  });

  it('are not brought back once somebody cleared the outputs of the later run', () => {
    const steps = contest(ada, 'ada');
    start(ada);
    start(grace);
    say(grace, 'grace');
    end(grace, 2);
    end(ada, 7);
    cell(eve).clearOutputs();
    cell(eve).execution_count = null;
    expect(steps).toEqual(['superseded', 'begun']);
    for (const one of all) {
      expect(texts(one)).toEqual([]);
    }
  });

  it('have nothing to show again when both are aborted', () => {
    const steps = contest(ada, 'ada');
    start(ada);
    start(grace);
    cell(ada).execution_count = null;
    cell(ada).executionState = 'idle';
    cell(grace).executionState = 'idle';
    expect(steps).toEqual(['superseded']);
    for (const one of all) {
      expect(cell(one).executionState).toBe('idle');
    }
  });

  it('leave the count of the later run alone when the earlier one is aborted', () => {
    start(ada);
    start(grace);
    say(grace, 'grace');
    end(grace, 2);
    cell(ada).execution_count = null;
    for (const one of all) {
      expect(cell(one).execution_count).toBe(2);
    }
  });

  it('can be cleared by who was superseded', () => {
    start(ada);
    start(grace);
    say(grace, 'grace');
    end(grace, 2);
    cell(ada).clearOutputs();
    cell(ada).execution_count = null;
    for (const one of all) {
      expect(texts(one)).toEqual([]);
      expect(cell(one).execution_count).toBe(null);
    }
  });

  it('leave nothing of a run that lost, when its page is gone too', () => {
    part();
    start(ada);
    say(ada, 'ada');
    start(grace);
    say(grace, 'grace');
    // Eve has both. Neither page is there to make it one.
    for (const { ydoc } of [ada, grace]) {
      Y.applyUpdate(eve.ydoc, Y.encodeStateAsUpdate(ydoc), 'peer');
    }
    expect(texts(eve)).toHaveLength(2);
    gone(ada);
    gone(grace);
    expect(texts(eve)).toHaveLength(1);
    expect(cell(eve).executionState).toBe('idle');
  });

  it('are idle after a while when nobody is left who says that they run', () => {
    start(ada);
    const late = new LocalNotebook();
    late.load(Y.encodeStateAsUpdate(ada.ydoc), 'room');
    expect(cell(late).executionState).toBe('running');
    vi.advanceTimersByTime(10_000);
    expect(cell(late).executionState).toBe('idle');
    late.dispose();
  });

  it('stay running for who comes in the middle', () => {
    start(ada);
    const late = new LocalNotebook();
    late.load(Y.encodeStateAsUpdate(ada.ydoc), 'room');
    tell(ada.awareness, [late.awareness]);
    vi.advanceTimersByTime(10_000);
    expect(cell(late).executionState).toBe('running');
    late.dispose();
  });
});
