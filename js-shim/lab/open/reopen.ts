/**
 * How a document is opened anew, when the drive has another one at its path: its widgets are closed and
 * opened again where an application can do that, and the page is loaded again in the applications that
 * show one document each.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { DockPanel, Widget } from '@lumino/widgets';
import { Notices } from '../room/notices.js';
import { DocumentProvider } from './document-provider.js';

export function reopener(
  app: JupyterFrontEnd,
  manager: IDocumentManager | null,
  manyDocuments: boolean,
  notices: Notices
): (document: DocumentProvider) => Promise<void> {
  return async document => {
    // What is here is kept already: nobody is to be asked whether to save it.
    document.model.dirty = false;
    if (!manyDocuments || !manager) {
      notices.carry();
      window.location.reload();
      return;
    }
    const widgets = [...app.shell.widgets('main')].filter(
      (widget): widget is DocumentWidget =>
        widget instanceof DocumentWidget &&
        widget.context.model.sharedModel === (document.model as unknown)
    );
    for (const widget of widgets) {
      reopen(app.shell, manager, widget);
    }
  };
}

/**
 * Open a widget's document anew, in its place. It takes no keyboard: what somebody goes on typing, there or
 * elsewhere, would be commands to a notebook, and delete cells.
 */
function reopen(
  shell: JupyterFrontEnd.IShell,
  manager: IDocumentManager,
  widget: DocumentWidget
): void {
  const { isVisible } = widget;
  const { path } = widget.context;
  const isCurrent = shell.currentWidget === widget;
  const factory = factoryOf(widget);
  // While the old one is there, it would be shown once more instead of a new one.
  const place = new Widget();
  place.id = `${widget.id}-place`;
  shell.add(place, 'main', {
    ref: widget.id,
    mode: 'tab-after',
    activate: false
  });
  widget.dispose();
  const opened = manager.open(path, factory, undefined, {
    ref: place.id,
    mode: 'tab-before',
    activate: false
  });
  if (isVisible && opened?.parent instanceof DockPanel) {
    opened.parent.selectWidget(opened);
  }
  place.dispose();
  if (opened && isCurrent) {
    // To the shell the current one is where the focus was last. Nothing else hears of this.
    opened.node.dispatchEvent(new FocusEvent('focus'));
  }
}

/** The name of the factory a document was opened with; `Context` knows it and its interface does not. */
function factoryOf(widget: DocumentWidget): string | undefined {
  return (widget.context as { factoryName?: string }).factoryName;
}
