/**
 * Says beside a cell who else is running it, and follows what becomes of one's own run when another
 * took its place (see `documents/running.ts`).
 */
import { CodeCell } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { IRunner, LocalCodeCell, LocalNotebook } from '../documents/index.js';
import type { ContestStep } from '../documents/running.js';
import { RivalRuns } from './rival-runs.js';

const BADGE = 'jp-WebrtcRunning';

/** Show who runs the cells of a notebook. Returns how to stop. */
export function showRunning(
  notebook: Notebook,
  trans: TranslationBundle
): () => void {
  const model: unknown = notebook.model?.sharedModel;
  if (!(model instanceof LocalNotebook)) {
    return () => undefined;
  }
  const show = () => {
    for (const { node, model: cell } of notebook.widgets) {
      if (cell.type === 'code') {
        badge(node, model.running.othersAt(cell.id), trans);
      }
    }
  };
  const rivals = new RivalRuns();
  const contest = (_: unknown, [cell, step]: [LocalCodeCell, ContestStep]) => {
    const widget = notebook.widgets.find(
      ({ model }) => (model.sharedModel as unknown) === cell
    );
    if (widget) {
      rivals.follow(cell, widget as CodeCell, step);
    }
  };
  model.running.changed.connect(show);
  model.changed.connect(show);
  model.contested.connect(contest);
  show();
  return () => {
    model.running.changed.disconnect(show);
    model.changed.disconnect(show);
    model.contested.disconnect(contest);
  };
}

/** The sign on a cell that says by whom it is run; none where it is by nobody else. */
function badge(
  cell: HTMLElement,
  runners: IRunner[],
  trans: TranslationBundle
): void {
  const old = cell.querySelector<HTMLElement>(`:scope > .${BADGE}`);
  if (runners.length === 0) {
    old?.remove();
    return;
  }
  const sign = old ?? document.createElement('div');
  const names = runners.map(({ name }) => name).join(', ');
  sign.className = BADGE;
  sign.textContent = names;
  sign.title = trans.__('Run by %1', names);
  sign.setAttribute('role', 'status');
  sign.setAttribute('aria-label', sign.title);
  sign.style.borderColor = runners[0].color;
  if (!old) {
    cell.append(sign);
  }
}
