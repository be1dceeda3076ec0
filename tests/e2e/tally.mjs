/**
 * An extension with a type of document of its own, as others write them: a YDocument subclass, a model,
 * a widget. A tally is a JSON object of numbers: `{"apples": 3}`.
 */
export const TALLY = `
const { YDocument } = await req('@jupyter/ydoc');
const { ABCWidgetFactory, DocumentWidget } = await req('@jupyterlab/docregistry');
const { ICollaborativeContentProvider } = await req('@jupyter/collaborative-drive');
const { Signal } = await req('@lumino/signaling');
const { Widget } = await req('@lumino/widgets');

class Tally extends YDocument {
  constructor() {
    super();
    this.version = '1.0.0';
    this.counts = this.ydoc.getMap('counts');
    this.counts.observe(event => this._changed.emit({ keys: event.keysChanged }));
    this.undoManager.addToScope(this.counts);
  }
  get source() {
    return this.counts.toJSON();
  }
  set source(value) {
    this.transact(() => {
      for (const key of [...this.counts.keys()]) {
        if (!(key in value)) this.counts.delete(key);
      }
      for (const [key, count] of Object.entries(value)) {
        if (this.counts.get(key) !== count) this.counts.set(key, count);
      }
    });
  }
  count(key) {
    this.transact(() => this.counts.set(key, (this.counts.get(key) ?? 0) + 1));
    this.dirty = true;
  }
}

class TallyModel {
  constructor(options) {
    this.sharedModel = options.sharedModel ?? new Tally();
    this.contentChanged = new Signal(this);
    this.stateChanged = new Signal(this);
    this.sharedModel.changed.connect((_, change) => {
      if (change.stateChange) {
        change.stateChange.forEach(one => this.stateChanged.emit(one));
      } else {
        this.contentChanged.emit();
      }
    });
  }
  collaborative = false;
  readOnly = false;
  defaultKernelName = '';
  defaultKernelLanguage = '';
  isDisposed = false;
  get dirty() { return this.sharedModel.dirty; }
  set dirty(value) { this.sharedModel.dirty = value; }
  toJSON() { return this.sharedModel.source; }
  fromJSON(value) { this.sharedModel.source = value; }
  toString() { return JSON.stringify(this.toJSON()); }
  fromString(value) { this.fromJSON(JSON.parse(value)); }
  initialize() {}
  dispose() { this.isDisposed = true; Signal.clearData(this); }
}

class TallyFactory extends ABCWidgetFactory {
  createNewWidget(context) {
    const content = new Widget();
    const show = () => (content.node.textContent = context.model.toString());
    context.model.contentChanged.connect(show);
    void context.ready.then(show);
    return new DocumentWidget({ content, context });
  }
}

return [{
  id: 'tally:plugin',
  autoStart: true,
  requires: [ICollaborativeContentProvider],
  activate: (app, provider) => {
    provider.sharedModelFactory.registerDocumentFactory('tally', () => new Tally());
    app.docRegistry.addFileType({
      name: 'tally', displayName: 'Tally', extensions: ['.tally'],
      mimeTypes: ['application/json'], contentType: 'tally', fileFormat: 'json'
    });
    app.docRegistry.addModelFactory({
      name: 'tally', contentType: 'tally', fileFormat: 'json', collaborative: true,
      isDisposed: false, dispose() {}, preferredLanguage: () => '',
      createNew: options => new TallyModel(options)
    });
    app.docRegistry.addWidgetFactory(new TallyFactory({
      name: 'Tally', modelName: 'tally', fileTypes: ['tally'], defaultFor: ['tally'],
      contentProviderId: 'rtc'
    }));
  }
}];`;
