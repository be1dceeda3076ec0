/**
 * The Share button: make a room of the documents that are open, and copy the link that leads there.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import {
  Clipboard,
  CommandToolbarButton,
  Dialog,
  ICommandPalette,
  IToolbarWidgetRegistry,
  Notification,
  showDialog
} from '@jupyterlab/apputils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { shareIcon } from '@jupyterlab/ui-components';
import { IRoom } from '../../api/types.js';
import { OpenDocuments } from '../open/open-documents.js';
import { SHARED_ROOM } from './config.js';
import { withRoom } from './fragment.js';
import { randomText } from './random.js';
import { IRoomSession } from './session.js';

export namespace CommandIDs {
  export const share = 'jupyterlite-webrtc:share';
  export const leave = 'jupyterlite-webrtc:leave';
  export const forget = 'jupyterlite-webrtc:forget';
}

/** Bytes of a room's name: enough that no two rooms meet by chance. */
const NAME_BYTES = 9;
/** Bytes of a room's secret. */
const SECRET_BYTES = 32;

/** Make a room with a random name and a random secret, and take all open documents into it. */
export async function shareAll(
  session: IRoomSession,
  documents: OpenDocuments
): Promise<IRoom | null> {
  const name = SHARED_ROOM + randomText(NAME_BYTES);
  const secret = randomText(SECRET_BYTES);
  const room = await session.join(name, secret);
  if (!room) {
    return null;
  }
  session.address.change({ room: name, secret });
  await room.settled();
  const failures: string[] = [];
  for (const document of documents) {
    await document.goLive(room).catch(reason => {
      console.error(`Could not share ${document.path}.`, reason);
      failures.push(document.path);
    });
  }
  if (failures.length > 0) {
    session.notices.error(
      session.notices.trans.__(
        'These documents could not be shared: %1',
        failures.join(', ')
      )
    );
  }
  return room;
}

/**
 * The link to the room as it is to be sent: into this application, to the document in front.
 */
export function linkTo(
  here: URL,
  room: string,
  secret: string | null,
  path: string | null
): string {
  const url = new URL(here.origin + here.pathname);
  if (path) {
    url.searchParams.set('path', path);
  }
  return withRoom(url, room, secret).href;
}

/** Register the commands and the button, whose place is in `schema/plugin.json`. */
export function addCommands(options: {
  app: JupyterFrontEnd;
  session: IRoomSession;
  documents: OpenDocuments;
  palette: ICommandPalette | null;
  toolbars: IToolbarWidgetRegistry | null;
}): void {
  const { app, session, documents, palette, toolbars } = options;
  const { commands } = app;
  const { trans } = session.notices;

  const currentPath = () => {
    const widget = app.shell.currentWidget;
    return widget instanceof DocumentWidget ? widget.context.localPath : null;
  };

  const copyLink = (room: IRoom, shared: boolean) => {
    const { room: name, secret } = session.address.current;
    const link = linkTo(
      new URL(window.location.href),
      session.name ?? name ?? '',
      secret,
      currentPath()
    );
    Clipboard.copyToSystem(link);
    const people = room.status.pages;
    const here =
      people > 1
        ? trans._n('%1 person is here.', '%1 people are here.', people)
        : trans.__('Nobody else is here yet.');
    session.notices.success(
      `${
        shared
          ? trans.__('You are sharing this. Send the link: it has been copied.')
          : trans.__('The link has been copied.')
      } ${here}`,
      [leaveAction()]
    );
    return link;
  };

  const leaveAction = (): Notification.IAction => ({
    label: trans.__('Stop sharing'),
    caption: trans.__('Leave the room; your documents stay as they are'),
    callback: () => void commands.execute(CommandIDs.leave)
  });

  commands.addCommand(CommandIDs.share, {
    label: () =>
      session.room
        ? trans.__('Share (%1)', session.room.status.pages)
        : trans.__('Share'),
    caption: () =>
      session.room
        ? trans.__('Copy the link; %1 here', session.room.status.pages)
        : trans.__('Edit together: share the open documents and copy the link'),
    icon: shareIcon,
    className: () => (session.room ? 'jp-WebrtcShare-live' : ''),
    isVisible: () => session.enabled,
    isEnabled: () => !joining,
    execute: async () => {
      const already = await session.current();
      if (already) {
        return copyLink(already, false);
      }
      joining = true;
      commands.notifyCommandChanged(CommandIDs.share);
      try {
        const room = await shareAll(session, documents);
        return room && copyLink(room, true);
      } finally {
        joining = false;
        commands.notifyCommandChanged(CommandIDs.share);
      }
    }
  });
  let joining = false;

  commands.addCommand(CommandIDs.leave, {
    label: trans.__('Stop Sharing'),
    caption: trans.__('Leave the room; your documents stay as they are'),
    isVisible: () => session.enabled,
    isEnabled: () => session.room !== null,
    execute: () => {
      for (const document of documents) {
        document.detach();
      }
      session.leave();
      session.notices.info(
        trans.__('You have left the room. Your documents stay as they are.')
      );
    }
  });

  commands.addCommand(CommandIDs.forget, {
    label: trans.__('Forget This Room…'),
    caption: trans.__('Leave, and remove what this browser keeps of the room'),
    isVisible: () => session.enabled,
    isEnabled: () => session.room !== null,
    execute: async () => {
      const { room } = session;
      const { button } = await showDialog({
        title: trans.__('Forget this room?'),
        body: trans.__(
          'You leave the room, and its history is removed from this browser. Your files stay, and so does what others have.'
        ),
        buttons: [
          Dialog.cancelButton(),
          Dialog.warnButton({ label: trans.__('Forget') })
        ]
      });
      if (!room || !button.accept) {
        return;
      }
      for (const document of documents) {
        document.detach();
      }
      documents.ledger(room).clear();
      try {
        await session.forget();
        session.notices.info(
          trans.__('The room is forgotten. Your files stay.')
        );
      } catch (reason) {
        session.notices.error(
          trans.__(
            'The room’s history could not be removed: %1',
            reason instanceof Error ? reason.message : String(reason)
          )
        );
      }
    }
  });

  if (session.enabled) {
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: trans.__('Collaboration') });
    }
  }

  toolbars?.addFactory('TopBar', 'webrtc-share', () => {
    const id = CommandIDs.share;
    const button = new CommandToolbarButton({
      commands,
      id,
      label: () => commands.label(id)
    });
    button.addClass('jp-WebrtcShare');
    return button;
  });

  // The button shows how many people are here.
  let stop: () => void = () => undefined;
  const changed = () => {
    commands.notifyCommandChanged(CommandIDs.share);
    commands.notifyCommandChanged(CommandIDs.leave);
    commands.notifyCommandChanged(CommandIDs.forget);
  };
  const follow = () => {
    stop();
    stop = session.room?.onStatus(changed) ?? (() => undefined);
    changed();
  };
  session.roomChanged.connect(follow);
  follow();
}
