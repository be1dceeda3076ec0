/**
 * Who you are to the others.
 *
 * JupyterLite has no accounts and leaves the user's identity undefined, so cursors would have neither
 * a name nor a colour. Here a name comes from the link (`?username=`, `?usercolor=`), else from the
 * settings, else it is a friendly one that was drawn once and stays in this browser.
 */
import { ServerConnection, User, UserManager } from '@jupyterlab/services';
import { read, write } from '../storage.js';
import { IProblem } from './config.js';
import { randomText } from './random.js';

const FIRST =
  'Amber Brave Bright Calm Clever Cosy Curious Daring Eager Fond Gentle Glad Golden Happy Humble Jolly Keen Kind Lively Lucky Merry Mellow Nimble Patient Proud Quick Quiet Silver Sunny Swift Warm Wise'.split(
    ' '
  );
const SECOND =
  'Badger Beaver Crane Curlew Dolphin Falcon Finch Fox Gecko Hare Hedgehog Heron Ibex Kestrel Lark Lynx Magpie Marten Newt Octopus Orca Otter Owl Panda Puffin Raven Robin Seal Sparrow Squirrel Swan Wren'.split(
    ' '
  );

/** How many collaborators' colours a JupyterLab theme defines. */
const THEME_COLOURS = 7;

function draw<T>(list: T[]): T {
  return list[Math.floor(Math.random() * list.length)];
}

/** Up to two initials of a name. */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter(word => word.length > 0);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map(word => [...word][0].toLocaleUpperCase()).join('');
}

/** `1e88e5`, `#1e88e5` or `#18e` as a CSS colour; null for what is none. */
export function parseColour(text: string): string | null {
  const match = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim());
  return match ? `#${match[1].toLowerCase()}` : null;
}

/** Where a name and a colour can come from. */
export interface IWishes {
  username?: unknown;
  usercolor?: unknown;
}

/** Builds the identity, and builds it again when the settings are known or change. */
export class Identity {
  constructor(options: Identity.IOptions) {
    this._options = options;
    const { local, session, scope } = options;
    const key = (what: string) => `jupyterlite-webrtc:${what}:${scope}`;
    const drawn = (storage: Storage, what: string, make: () => string) => {
      let value = read(storage, key(what));
      if (!value) {
        value = make();
        write(storage, key(what), value);
      }
      return value;
    };
    // The people panel hides whoever has one's own username, so it is unique to each tab, and the
    // name that people see is free.
    this._username = drawn(session, 'username', () => randomText(12));
    this._name = drawn(local, 'name', () => `${draw(FIRST)} ${draw(SECOND)}`);
    this._colour = drawn(
      local,
      'colour',
      () =>
        `var(--jp-collaborator-color${1 + Math.floor(Math.random() * THEME_COLOURS)})`
    );
  }

  /** What can't be used of the link and the settings. */
  readonly problems: IProblem[] = [];

  /** The settings, once they are known. */
  settings: IWishes = {};

  /** The identity as the link and the settings have it now. */
  get current(): User.IIdentity {
    const { url } = this._options;
    const name =
      clean(url.searchParams.get('username')) ||
      clean(this.settings.username) ||
      this._name;
    return {
      username: this._username,
      name,
      display_name: name,
      initials: initials(name),
      color:
        this._readColour(url.searchParams.get('usercolor'), '?usercolor=') ??
        this._readColour(this.settings.usercolor, 'usercolor') ??
        this._colour
    };
  }

  private _readColour(value: unknown, key: string): string | null {
    if (value === null || value === undefined || value === '') {
      return null;
    }
    const colour = parseColour(String(value));
    if (!colour && !this.problems.some(problem => problem.key === key)) {
      this.problems.push({
        key,
        message: `"${key}" is not a colour of six hexadecimal digits, such as 1e88e5.`
      });
    }
    return colour;
  }

  private _options: Identity.IOptions;
  private _username: string;
  private _name: string;
  private _colour: string;
}

export namespace Identity {
  export interface IOptions {
    /** The page's address, before the router has changed it. */
    url: URL;
    /** Where name and colour stay. */
    local: Storage;
    /** Where the username of this tab stays. */
    session: Storage;
    /** The site's base URL. */
    scope: string;
  }
}

/** A name as people may see it: nothing that controls or reorders text, and not endless. */
function clean(value: unknown): string {
  return typeof value === 'string'
    ? value
        .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
        .trim()
        .slice(0, 64)
    : '';
}

/** A user manager that asks no server. */
export function createUserManager(
  identity: Identity,
  serverSettings = ServerConnection.makeSettings()
): UserManager {
  return new UserManager({
    serverSettings,
    standby: 'never',
    userApiClient: {
      serverSettings,
      // A new object each time: the manager compares it with the last one.
      get: async () => ({ identity: identity.current, permissions: {} })
    }
  });
}
