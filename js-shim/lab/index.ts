/**
 * The plugins, in the order in which they depend on each other. Each is a few lines: what it does is
 * in the file it calls. Those files are in four folders:
 *
 * - `room/`: the room of this page. How it is configured, joined, shared and left, who this person is in
 *   it, and what they are told.
 * - `open/`: the documents that are open. What one starts from, how it is loaded and saved while others
 *   edit it, and when it gives way to another one.
 * - `drive/`: the person's own files. How they follow the room's, also those that are not open, and the
 *   ledger of what was saved.
 * - `documents/`: what a notebook or a text is to Yjs. Nothing there knows of rooms or of the application.
 */
import {
  IGlobalAwareness,
  ICollaborativeContentProvider
} from '@jupyter/collaborative-drive';
import {
  IAwarenessProviderFactory,
  IDocumentProviderFactory
} from '@jupyter/docprovider';
import { IAwareness } from '@jupyter/ydoc';
import {
  ILabShell,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import {
  IDocumentManager,
  IDocumentWidgetOpener
} from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import {
  ContentsManager,
  IServerSettings,
  IUserManager,
  ServerConnection,
  ServiceManagerPlugin,
  User
} from '@jupyterlab/services';
import { NotebookModelFactory, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ILiteRouter } from '@jupyterlite/application';
import { DisposableDelegate } from '@lumino/disposable';
import { followTrust, ITrustingModel } from './documents/index.js';
import { Ledgers } from './drive/ledger.js';
import { RoomDrive } from './drive/room-drive.js';
import { announceRoomFiles } from './drive/room-files.js';
import { WebrtcContentProvider } from './open/content-provider.js';
import { LateMeetings } from './open/late.js';
import { keepLinked } from './open/linked.js';
import { OpenDocuments } from './open/open-documents.js';
import { reopener } from './open/reopen.js';
import { showRunning } from './open/running.js';
import { shareViewers } from './open/viewers.js';
import { AwarenessProviderFactory } from './room/awareness.js';
import { readConfig } from './room/config.js';
import { RoomAddress } from './room/fragment.js';
import { createUserManager, Identity } from './room/identity.js';
import { Notices } from './room/notices.js';
import { IRoomSession, RoomSession } from './room/session.js';
import { addCommands } from './room/share.js';

export { IRoomSession };

const PLUGIN = 'jupyterlite-webrtc:plugin';

/** The address of the page as it was before any router changed it. */
const here = new URL(window.location.href);

/** Where the site is. What is stored in the browser is one site's, of the many that may share an origin. */
const scope = new URL(PageConfig.getBaseUrl(), here).pathname;

const ledgers = new Ledgers(window.localStorage, scope);

const identity = new Identity({
  url: here,
  local: window.localStorage,
  session: window.sessionStorage,
  scope
});

/** The user; activated before there is an application. */
const user: ServiceManagerPlugin<User.IManager> = {
  id: 'jupyterlite-webrtc:user-manager',
  description: 'Provides the identity of a person who has no account.',
  autoStart: true,
  provides: IUserManager,
  optional: [IServerSettings],
  activate: (_: null, serverSettings?: ServerConnection.ISettings) =>
    createUserManager(identity, serverSettings)
};

/** The room of this page, and the settings. */
const session: JupyterFrontEndPlugin<IRoomSession> = {
  id: PLUGIN,
  description: 'Provides the room in which documents are edited together.',
  autoStart: true,
  provides: IRoomSession,
  optional: [ISettingRegistry, ITranslator, ILiteRouter],
  activate: (
    app: JupyterFrontEnd,
    registry: ISettingRegistry | null,
    translator: ITranslator | null,
    router: ILiteRouter | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlite_webrtc');
    const notices = new Notices(trans, app.restored);
    const address = new RoomAddress({
      url: here,
      storage: window.sessionStorage,
      scope
    });
    if (router) {
      address.follow(router);
    }

    const page = (key: string) => PageConfig.getOption(key);
    const { collaborative } = readConfig({ page, settings: {}, url: here });
    const loading = registry?.load(PLUGIN).catch(reason => {
      console.error('The settings could not be read.', reason);
      return null;
    });

    void loading?.then(settings => {
      const read = async () => {
        identity.settings = settings?.composite ?? {};
        await app.serviceManager.user.ready;
        await (app.serviceManager.user as User.IManager).refreshUser();
        if (collaborative) {
          notices.problems(identity.problems);
        }
      };
      settings?.changed.connect(() => void read());
      void read();
    });

    return new RoomSession({
      enabled: collaborative,
      address,
      notices,
      api: () => import('../api/index.js'),
      ledgers,
      scope,
      config: async () => {
        const settings = (await loading)?.composite ?? {};
        const url = new URL(here);
        return readConfig({ page, settings, url, trans });
      }
    });
  }
};

/** The open documents. Only the type of the token is `IDocumentProviderFactory`. */
const documents: JupyterFrontEndPlugin<IDocumentProviderFactory> = {
  id: 'jupyterlite-webrtc:document-provider-factory',
  description: 'Keeps open documents in step with the room.',
  requires: [IRoomSession],
  provides: IDocumentProviderFactory,
  activate: (_: JupyterFrontEnd, session: IRoomSession) =>
    new OpenDocuments(session, ledgers, scope)
};

const contentProvider: JupyterFrontEndPlugin<ICollaborativeContentProvider> = {
  id: 'jupyterlite-webrtc:content-provider',
  description: 'Gives JupyterLab the models and the content of documents.',
  requires: [IRoomSession, IDocumentProviderFactory],
  optional: [IGlobalAwareness],
  provides: ICollaborativeContentProvider,
  activate: (
    app: JupyterFrontEnd,
    session: IRoomSession,
    factory: IDocumentProviderFactory,
    globalAwareness: IAwareness | null
  ) => {
    const drive = (app.serviceManager.contents as ContentsManager).defaultDrive;
    const provider = new WebrtcContentProvider({
      enabled: session.enabled,
      // From JupyterLab itself: the factory that docprovider registers reads a setting of an older name.
      undoPerCell: () =>
        (
          app.docRegistry.getModelFactory('notebook') as
            NotebookModelFactory | undefined
        )?.disableDocumentWideUndoRedo,
      drive,
      factory,
      user: app.serviceManager.user,
      globalAwareness,
      trans: session.notices.trans
    });
    drive.contentProviderRegistry?.register('rtc', provider);
    if (session.enabled) {
      shareViewers(app.docRegistry, 'rtc');
      announceRoomFiles(app.serviceManager.contents, session);
    }
    return provider;
  }
};

const awareness: JupyterFrontEndPlugin<IAwarenessProviderFactory> = {
  id: 'jupyterlite-webrtc:awareness-provider-factory',
  description: 'Shows the people in the room to each other.',
  requires: [IRoomSession],
  provides: IAwarenessProviderFactory,
  activate: (_: JupyterFrontEnd, session: IRoomSession) =>
    new AwarenessProviderFactory(session)
};

const late: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlite-webrtc:late-meetings',
  description: 'Changes over to the room’s document when two met late.',
  autoStart: true,
  requires: [IRoomSession, IDocumentProviderFactory],
  optional: [IDocumentManager, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    session: IRoomSession,
    documents: IDocumentProviderFactory,
    manager: IDocumentManager | null,
    labShell: ILabShell | null
  ) => {
    if (session.enabled && documents instanceof OpenDocuments) {
      const many = labShell !== null;
      const reopen = reopener(app, manager, many, session.notices);
      new LateMeetings({ session, documents, reopen });
    }
  }
};

const linked: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlite-webrtc:linked',
  description: 'Keeps what a link leads to open when tabs are restored.',
  autoStart: true,
  requires: [IRoomSession],
  optional: [ILabShell, IDocumentWidgetOpener],
  activate: (
    app: JupyterFrontEnd,
    session: IRoomSession,
    labShell: ILabShell | null,
    opener: IDocumentWidgetOpener | null
  ) => {
    if (session.enabled && labShell && opener) {
      keepLinked(app, opener);
    }
  }
};

const roomDrive: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlite-webrtc:room-drive',
  description: 'Keeps the person’s files and the room’s index in step.',
  autoStart: true,
  requires: [IRoomSession, IDocumentProviderFactory],
  optional: [IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    session: IRoomSession,
    documents: IDocumentProviderFactory,
    browser: IDefaultFileBrowser | null
  ) => {
    if (session.enabled && documents instanceof OpenDocuments) {
      const { notices } = session;
      new RoomDrive({
        session,
        documents,
        closed: documents.closed,
        drive: (app.serviceManager.contents as ContentsManager).defaultDrive,
        baseUrl: scope,
        ledger: room => documents.ledger(room),
        onCopy: (path, copy) => notices.copied(path, copy),
        onDeleted: (path, here) => notices.deleted(path, here),
        taken: path => notices.taken(path),
        leaveFolder: (folder, to) => {
          if (browser?.model.path === folder) {
            void browser.model.cd(`/${to}`);
          }
        }
      });
    }
  }
};

const share: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlite-webrtc:share',
  description: 'Adds the Share button.',
  autoStart: true,
  requires: [IRoomSession, IDocumentProviderFactory],
  optional: [ICommandPalette, IToolbarWidgetRegistry],
  activate: (
    app: JupyterFrontEnd,
    session: IRoomSession,
    documents: IDocumentProviderFactory,
    palette: ICommandPalette | null,
    toolbars: IToolbarWidgetRegistry | null
  ) => {
    if (documents instanceof OpenDocuments) {
      addCommands({ app, session, documents, palette, toolbars });
    }
  }
};

/**
 * JupyterLab copies a cell's trust when it makes the cell's model and never looks again. It has to,
 * now that other people can change what a cell holds.
 */
const trust: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlite-webrtc:trust',
  description: 'Ends the trust in a cell when somebody else changes it.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: widget => {
        const model = (widget as NotebookPanel).context.model;
        return new DisposableDelegate(
          followTrust(model as unknown as ITrustingModel)
        );
      }
    });
  }
};

/** A cell of a shared notebook can be run by somebody else, too. */
const running: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlite-webrtc:running',
  description: 'Shows who else is running a cell.',
  autoStart: true,
  requires: [IRoomSession],
  activate: (app: JupyterFrontEnd, session: IRoomSession) => {
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: widget => {
        const { content, context } = widget as NotebookPanel;
        let stop: () => void = () => undefined;
        void context.ready.then(() => {
          if (!content.isDisposed) {
            stop = showRunning(content, session.notices.trans);
          }
        });
        return new DisposableDelegate(() => stop());
      }
    });
  }
};

export default [
  user,
  session,
  documents,
  contentProvider,
  awareness,
  late,
  linked,
  roomDrive,
  share,
  trust,
  running
];
