/**
 * How a document is opened anew, when the drive has another one at its path: its widgets are closed and
 * opened again where an application can do that, and the page is loaded again in the applications that
 * show one document each.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentWidget } from '@jupyterlab/docregistry';
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
      const { path } = widget.context;
      const factory = factoryOf(widget);
      widget.dispose();
      manager.openOrReveal(path, factory);
    }
  };
}

/** The name of the factory a document was opened with; `Context` knows it and its interface does not. */
function factoryOf(widget: DocumentWidget): string | undefined {
  return (widget.context as { factoryName?: string }).factoryName;
}
