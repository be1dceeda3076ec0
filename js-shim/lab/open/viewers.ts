/**
 * Viewers of notebooks and text files (the CSV table, the JSON tree, the Markdown preview) look at what is
 * shared, as the editors do.
 *
 * JupyterLab has one model of a file for all its widgets, and asks whoever opens it first where the content
 * comes from. A viewer that comes first and asks the drive leaves an editor that follows with a model that is
 * not shared: neither sees what the other types, and nobody is told.
 */
import { DocumentRegistry } from '@jupyterlab/docregistry';

/** The models that the editors share. */
const SHARED = ['text', 'notebook'];

/** Have all widgets of a shared model get it from the content provider of this name. */
export function shareViewers(registry: DocumentRegistry, id: string): void {
  const share = (factory?: IProvided) => {
    if (factory && SHARED.includes(factory.modelName ?? 'text')) {
      factory.contentProviderId ??= id;
    }
  };
  for (const factory of registry.widgetFactories()) {
    share(factory);
  }
  registry.changed.connect((_, { type, change, name }) => {
    if (type === 'widgetFactory' && change === 'added' && name) {
      share(registry.getWidgetFactory(name));
    }
  });
}

/** A factory; its type does not say that this can be changed. */
interface IProvided {
  modelName?: string;
  contentProviderId?: string;
}
