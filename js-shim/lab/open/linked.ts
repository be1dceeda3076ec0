/**
 * What a link leads to, where several documents are open. JupyterLite opens it as soon as the application has
 * started. When the tabs of the last visit come back after that, JupyterLab's layout knows only those and takes
 * the link's document out again: it is loaded and live, and nowhere to be seen. So it is put back.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { IDocumentWidgetOpener } from '@jupyterlab/docmanager';
import { Widget } from '@lumino/widgets';

export function keepLinked(
  app: JupyterFrontEnd,
  opener: IDocumentWidgetOpener
): void {
  const opened = new Set<Widget>();
  const note = (_: unknown, widget: Widget) => void opened.add(widget);
  opener.opened.connect(note);
  void app.restored.then(() => {
    opener.opened.disconnect(note);
    for (const widget of opened) {
      if (!widget.isDisposed && !widget.isAttached) {
        app.shell.add(widget, 'main');
        app.shell.activateById(widget.id);
      }
    }
  });
}
