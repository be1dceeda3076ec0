/**
 * Where JupyterLab gets a document's model, its content, and where it saves it.
 *
 * This takes the place of `@jupyter/docprovider-extension:content-provider`. With that one
 * `sharedModelFactory.collaborative` is true, which tells JupyterLab that a server does the saving:
 * autosave, checkpoints, revert, the dialog about changed files and the first cell are all switched
 * off. Here nobody but JupyterLab saves, so it is false, and all of that goes on working as it is.
 */
import {
  ICollaborativeContentProvider,
  IDocumentProvider,
  ISharedModelFactory
} from '@jupyter/collaborative-drive';
import { IDocumentProviderFactory } from '@jupyter/docprovider';
import { DocumentChange, IAwareness, YDocument } from '@jupyter/ydoc';
import { Contents, SharedDocumentFactory, User } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { DocumentProvider } from './document-provider.js';
import { createModel } from './kinds.js';

export class WebrtcContentProvider implements ICollaborativeContentProvider {
  constructor(private _options: WebrtcContentProvider.IOptions) {
    this.sharedModelFactory = new SharedModelFactory(
      _options.enabled,
      _options.undoPerCell,
      (options, model) => this._onCreate(options, model)
    );
    _options.drive.fileChanged.connect((_, change) => {
      const from = change.oldValue?.path;
      const to = change.newValue?.path;
      if (change.type === 'rename' && from && to) {
        this._onRename(from, to);
      }
    });
  }

  readonly sharedModelFactory: ISharedModelFactory;

  /** By `format:type:path`, as other extensions look them up. */
  readonly providers = new Map<string, IDocumentProvider>();

  async get(
    path: string,
    options: Contents.IFetchOptions = {}
  ): Promise<Contents.IModel> {
    // Without this the drive would come straight back here.
    const plain = { ...options, contentProviderId: undefined };
    if (!options.content) {
      const document = this._only(path);
      return document
        ? document.describe(plain)
        : this._options.drive.get(path, plain);
    }
    const document = this._find(path, options);
    return document
      ? document.load(plain)
      : this._options.drive.get(path, plain);
  }

  async save(
    path: string,
    options: Partial<Contents.IModel> & Contents.IContentProvisionOptions = {}
  ): Promise<Contents.IModel> {
    const plain = { ...options, contentProviderId: undefined };
    const document = this._find(path, options);
    return document
      ? document.store(plain)
      : this._options.drive.save(path, plain);
  }

  private _find(
    path: string,
    options: { type?: string; format?: string | null }
  ): DocumentProvider | null {
    const { type, format } = options;
    const all = [...this._documents].filter(
      document =>
        document.path === path &&
        document.contentType === type &&
        document.format === format
    );
    // One path can be open twice (in two factories' widgets): the request is of the one just opened.
    return all.find(document => !document.isLoaded) ?? all[0] ?? null;
  }

  /**
   * The document that a question about a path, without a type, is about. A path can be open twice; if
   * that is not one document of the room twice, JupyterLab compares dates.
   */
  private _only(path: string): DocumentProvider | null {
    const all = [...this._documents].filter(one => one.path === path);
    const { genesis = null } = all[0] ?? {};
    const isOne = genesis !== null && all.every(one => one.genesis === genesis);
    return all.length === 1 || isOne ? all[0] : null;
  }

  private _onCreate(
    options: Contents.ISharedFactoryOptions,
    model: YDocument<DocumentChange>
  ): void {
    const { factory, drive, user, trans } = this._options;
    const document = factory.create({
      path: options.path,
      format: options.format!,
      contentType: options.contentType,
      model,
      user,
      translator: trans,
      serverSettings: drive.serverSettings,
      drive
    });
    this.providers.set(key(options, options.path), document);
    // Another factory than ours may have been registered; then its documents are loaded plainly.
    const own = document instanceof DocumentProvider ? document : null;
    if (own) {
      this._documents.add(own);
    }
    this._listOpen();
    model.disposed.connect(() => {
      for (const [key, one] of this.providers) {
        if (one === document) {
          this.providers.delete(key);
        }
      }
      if (own) {
        this._documents.delete(own);
      }
      document.dispose();
      this._listOpen();
    });
  }

  private _onRename(from: string, to: string): void {
    for (const document of this._documents) {
      if (document.path === from) {
        const provider = this.providers.get(key(document, from));
        if (provider === document) {
          this.providers.delete(key(document, from));
          this.providers.set(key(document, to), document);
        }
        document.rename(to).catch(reason => {
          console.warn(
            `Could not tell the room of the new name ${to}.`,
            reason
          );
        });
      }
    }
    this._listOpen();
  }

  /** Say in the people panel which documents this person has open. */
  private _listOpen(): void {
    const paths = new Set([...this._documents].map(({ path }) => path));
    this._options.globalAwareness?.setLocalStateField('documents', [...paths]);
  }

  private _documents = new Set<DocumentProvider>();
}

export namespace WebrtcContentProvider {
  export interface IOptions {
    /** Whether the site allows collaboration; if not, this is no more than a door to the drive. */
    enabled: boolean;
    /** Whether undo is for each cell of a notebook by itself. */
    undoPerCell: () => boolean | undefined;
    drive: Contents.IDrive & { serverSettings: any };
    factory: IDocumentProviderFactory;
    user: User.IManager;
    globalAwareness: IAwareness | null;
    trans: TranslationBundle;
  }
}

function key(
  options: { format?: string | null; contentType: string },
  path: string
): string {
  return `${options.format}:${options.contentType}:${path}`;
}

/** Makes the models; those of notebooks and text files keep trust and the dirty state to themselves. */
class SharedModelFactory implements ISharedModelFactory {
  constructor(
    private _enabled: boolean,
    private _undoPerCell: () => boolean | undefined,
    private _onCreate: (
      options: Contents.ISharedFactoryOptions,
      model: YDocument<DocumentChange>
    ) => void
  ) {}

  /** See the top of this file. */
  readonly collaborative = false;

  readonly documentFactories = new Map<
    Contents.ContentType,
    SharedDocumentFactory
  >();

  registerDocumentFactory(
    type: Contents.ContentType,
    factory: SharedDocumentFactory
  ): void {
    if (this.documentFactories.has(type)) {
      throw new Error(`The content type ${type} already exists`);
    }
    this.documentFactories.set(type, factory);
  }

  createNew(
    options: Contents.ISharedFactoryOptions
  ): YDocument<DocumentChange> | undefined {
    if (!this._enabled || !options.collaborative || !options.format) {
      return undefined; // JupyterLab makes its own
    }
    const registered = this.documentFactories.get(options.contentType);
    if (!registered) {
      return undefined;
    }
    const model = createModel(options, registered, this._undoPerCell());
    this._onCreate(options, model);
    return model;
  }
}
