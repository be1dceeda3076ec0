/**
 * What a benchmark's page can be told to do. The runner calls `bench.run(name, options)` and gets what
 * the function of that name resolves to. Every time is taken within one page, by one clock; where two
 * pages take part, the other one answers.
 */
import * as Y from 'yjs';
import { Bare, Link } from './bare.js';
import { cells, isComplete, makeCells } from './documents.js';
import { channelOpen, startRecording, stopRecording } from './handlers.js';
import * as crowd from './crowd.js';
import * as history from './history.js';
import { engineMemory, load, Ours, provide } from './ours.js';
import { longestTask, watchTasks } from './tasks.js';
import { YWebrtc } from './y-webrtc.js';

type System = 'ours' | 'y-webrtc' | 'bare';

/** A browser that gives so many milliseconds at once has nothing else to do. */
const REST = 40;

const signaling = `${location.origin.replace('http', 'ws')}/signaling`;
const documents = new Map<string, Y.Doc>();
let ours: Ours;
let yWebrtc: YWebrtc;
let bare: Bare;
let links: Link[];

const functions = {
  /** Fetch and compile the engine. */
  load,

  // ------------------------------------------------------------ joining, as an application does

  /** Be there with a document, for `join`; or, over the bare channel, with bytes for who asks. */
  async host(o: {
    system: System;
    room: string;
    bytes: number;
    message?: number;
  }) {
    if (o.system === 'bare') {
      bare = await Bare.join(signaling, o.room, false);
      void bare.link().then(link => {
        link.keys.onmessage = () => link.pour(o.bytes, o.message ?? 65_536);
      });
      return;
    }
    const ydoc = filled(o.bytes);
    if (o.system === 'ours') {
      await provide(signaling, o.room, ydoc).synced;
    } else {
      yWebrtc = new YWebrtc(signaling, o.room);
      yWebrtc.provide('document', ydoc);
      await yWebrtc.listening();
    }
  },

  /** From nothing to the complete document, in milliseconds. */
  async join(o: { system: System; room: string; bytes: number }) {
    const began = performance.now();
    if (o.system === 'bare') {
      bare = await Bare.join(signaling, o.room, true);
      const link = await bare.link();
      const all = link.receive(o.bytes);
      link.keys.send('go');
      await all;
    } else {
      const ydoc = new Y.Doc();
      if (o.system === 'ours') {
        provide(signaling, o.room, ydoc);
      } else {
        new YWebrtc(signaling, o.room).provide('document', ydoc);
      }
      await isComplete(ydoc, o.bytes);
    }
    return performance.now() - began;
  },

  /** Wait until the page has nothing to do, as that of somebody who has been there for a while. */
  async rest() {
    for (let idle = 0; idle < 3;) {
      const left = await new Promise<number>(resolve =>
        requestIdleCallback(period => resolve(period.timeRemaining()))
      );
      idle = left > REST ? idle + 1 : 0;
      await new Promise(resolve => setTimeout(resolve));
    }
  },

  // ------------------------------------------------------------ rooms that stay

  /** Be in a room, to share and open documents. */
  async enter(o: {
    system: System;
    room: string;
    joins?: boolean;
    history?: string;
  }) {
    if (o.system === 'ours') {
      ours = await Ours.join(signaling, o.room, o.history);
      await ours.room.settled();
    } else if (o.system === 'y-webrtc') {
      yWebrtc = new YWebrtc(signaling, o.room);
    } else {
      bare = await Bare.join(signaling, o.room, !!o.joins);
      links = [];
    }
  },

  /** Wait for the next bare connection. */
  async link() {
    links.push(await bare.link());
  },

  /** Have a document of so many bytes. */
  fill(o: { path: string; bytes: number }) {
    fill(o.path, o.bytes);
  },

  /** Share a document of so many bytes, or one that is there. */
  async share(o: { system: System; path: string; bytes: number }) {
    const ydoc = documents.get(o.path) ?? fill(o.path, o.bytes);
    if (o.system === 'ours') {
      await ours.share(o.path, ydoc);
    } else {
      yWebrtc.provide(o.path, ydoc);
      await yWebrtc.listening();
    }
  },

  /** Open what another page shares. */
  async open(o: { system: System; path: string }) {
    const ydoc = new Y.Doc();
    documents.set(o.path, ydoc);
    if (o.system === 'ours') {
      await ours.open(o.path, ydoc);
      await until(() => ydoc.getMap('meta').size > 0);
    } else {
      yWebrtc.provide(o.path, ydoc);
      await yWebrtc.connected();
    }
  },

  // ------------------------------------------------------------ transfers

  /**
   * Join and open a document: milliseconds from the moment a data channel is open, null if it has not
   * come within `wait`; and the time of day of both moments.
   */
  async download(o: {
    system: System;
    room: string;
    path: string;
    bytes: number;
    wait: number;
    history?: string;
  }) {
    const ydoc = new Y.Doc();
    documents.set(o.path, ydoc);
    let complete = isComplete(ydoc, o.bytes).then(() => performance.now());
    let ready: number;
    if (o.system === 'bare') {
      bare = await Bare.join(signaling, o.room, true);
      const link = await bare.link();
      ready = await channelOpen;
      complete = link.receive(o.bytes).then(() => performance.now());
      link.keys.send('go');
    } else if (o.system === 'ours') {
      ours = await Ours.join(signaling, o.room, o.history);
      ours.open(o.path, ydoc);
      ready = await channelOpen;
    } else {
      const joined = new YWebrtc(signaling, o.room);
      joined.provide(o.path, ydoc);
      await joined.connected();
      ready = performance.now();
    }
    const done = await within(o.wait, complete);
    const origin = Date.now() - performance.now();
    return done === null
      ? null
      : { ms: done - ready, from: origin + ready, to: origin + done };
  },

  /** Answer in the document once so many bytes of cells are in it. */
  async answer(o: { path: string; bytes: number }) {
    const ydoc = documents.get(o.path)!;
    await isComplete(ydoc, o.bytes);
    // Not within the observers of the transaction that brought it.
    await Promise.resolve();
    ydoc.getMap('meta').set('answer', true);
  },

  /**
   * Insert so many bytes into a document: milliseconds until the answer, null if there is none within
   * `wait`; of these, how long the inserting itself held up the page.
   */
  async insert(o: { path: string; bytes: number; wait: number }) {
    const ydoc = documents.get(o.path)!;
    const more = makeCells(o.bytes);
    await idle();
    return insert(ydoc, more, o.wait);
  },

  /** Send so many bytes over the bare channel, to the other side's `receive`: milliseconds. */
  async send(o: { bytes: number; message: number }) {
    const began = performance.now();
    await links[0].send(o.bytes, o.message);
    return performance.now() - began;
  },

  async receive(o: { bytes: number; link?: number }) {
    void links[o.link ?? 0].receive(o.bytes);
  },

  // ------------------------------------------------------------ keystrokes

  /** Repeat what the other page types. */
  async echo(o: { system: System }) {
    if (o.system === 'bare') {
      const { keys } = links[0];
      keys.onmessage = ({ data }) => keys.send(data);
      return;
    }
    const ydoc = documents.get('keys')!;
    const echo = ydoc.getText('echo');
    ydoc.getText('typed').observe(event => {
      if (!event.transaction.local) {
        echo.insert(echo.length, 'x');
      }
    });
  },

  /** Type until `stop`, or so many characters: for each its time of day and its round trip. */
  async type(o: { system: System; count?: number; pause: number }) {
    typing = true;
    const { stroke, quit } = keyboard(o.system);
    const strokes: { at: number; ms: number }[] = [];
    while (typing && strokes.length < (o.count ?? Infinity)) {
      const at = Date.now();
      strokes.push({ at, ms: await stroke() });
      await new Promise(resolve => setTimeout(resolve, o.pause));
    }
    quit();
    return strokes;
  },

  async stop() {
    typing = false;
  },

  /** Type while so many bytes are on their way: the round trips of what was typed meanwhile. */
  async typeDuring(o: {
    system: System;
    path: string;
    bytes: number;
    message: number;
    pause: number;
    /** The bare connection that the bytes go over: the keystrokes' own, or another. */
    link?: number;
  }) {
    const more = o.system === 'bare' ? [] : makeCells(o.bytes);
    await idle();
    const strokes = functions.type({ system: o.system, pause: o.pause });
    const from = Date.now();
    if (o.system === 'bare') {
      await links[o.link ?? 0].send(o.bytes, o.message);
    } else {
      await insert(documents.get(o.path)!, more, 60_000);
    }
    const to = Date.now();
    typing = false;
    return { strokes: await strokes, from, to };
  },

  // ------------------------------------------------------------ a crowd

  async note(o: { path: string }) {
    crowd.note(documents.get(o.path)!);
  },

  async noted() {
    return crowd.noted();
  },

  async typeSlowly(o: { path: string; count: number; pause: number }) {
    return crowd.typeSlowly(documents.get(o.path)!, o);
  },

  /** To how many people there is a connection that can be used. */
  async acquainted(o: { system: System; others: number }) {
    const count = () =>
      o.system === 'ours'
        ? ours.room.status.peers.filter(peer => peer.state === 'ready').length
        : yWebrtc.acquaintances();
    await until(() => count() >= o.others, 100);
  },

  // ------------------------------------------------------------ a network that is away for a while

  /** Type numbered words into a text of one's own, until `stop`; all that was typed. */
  async typeWords(o: { path: string; name: string; pause: number }) {
    const text = documents.get(o.path)!.getText(o.name);
    typing = true;
    for (let number = 1; typing; number++) {
      text.insert(text.length, ` ${o.name}${number}`);
      await new Promise(resolve => setTimeout(resolve, o.pause));
    }
    return text.toString();
  },

  /** What is in these texts now, by name. */
  async texts(o: { path: string; names: string[] }) {
    const ydoc = documents.get(o.path)!;
    return Object.fromEntries(
      o.names.map(name => [name, ydoc.getText(name).toString()])
    );
  },

  /** The time of day when these texts are exactly so, null if they are not within `wait`. */
  async haveTexts(o: {
    path: string;
    texts: Record<string, string>;
    wait: number;
  }) {
    const ydoc = documents.get(o.path)!;
    const all = Object.entries(o.texts);
    const isSo = () =>
      all.every(([name, text]) => ydoc.getText(name).toString() === text);
    return within(
      o.wait,
      until(isSo).then(() => Date.now())
    );
  },

  // ------------------------------------------------------------ history

  write: history.type,
  reopen: history.reopen,
  visit: history.visit,
  log: history.log,

  /** Wait until all is kept. */
  kept: () => until(() => ours.room.status.kept),

  engineMemory,

  // ------------------------------------------------------------ the main thread

  async record() {
    startRecording();
  },

  /** What the handlers of data channels took since `record`. */
  async recorded() {
    return stopRecording();
  },

  /** How long the document's own transactions take from now on; told by `transactions`. */
  async watch(o: { path: string }) {
    const ydoc = documents.get(o.path)!;
    let began = 0;
    inTransactions = 0;
    ydoc.on('beforeAllTransactions', () => (began = performance.now()));
    ydoc.on(
      'afterAllTransactions',
      () => (inTransactions += performance.now() - began)
    );
  },

  async transactions() {
    return inTransactions;
  },

  /** The longest task from now on, less what a document's transactions take of it; `longest` tells. */
  async watchTasks(o: { path: string }) {
    watchTasks(documents.get(o.path)!);
  },

  /** Open what another page shares, with so many bytes in it, and watch from the beginning. */
  async openWatched(o: { path: string; bytes: number }) {
    const ydoc = new Y.Doc();
    documents.set(o.path, ydoc);
    watchTasks(ydoc);
    await ours.open(o.path, ydoc);
    await isComplete(ydoc, o.bytes);
  },

  async longest() {
    return longestTask();
  },

  /** Yjs alone, with the content of a document: `Y.applyUpdate` to an empty one, in milliseconds. */
  async apply(o: { path: string; heard: boolean }) {
    const update = Y.encodeStateAsUpdate(documents.get(o.path)!);
    const ydoc = new Y.Doc();
    if (o.heard) {
      ydoc.on('update', () => undefined);
    }
    await idle();
    const began = performance.now();
    Y.applyUpdate(ydoc, update);
    return performance.now() - began;
  },

  /** Yjs alone: inserting so many bytes into a document that somebody listens to. */
  async insertAlone(o: { bytes: number }) {
    const ydoc = filled(0);
    ydoc.on('update', () => undefined);
    const more = makeCells(o.bytes);
    await idle();
    const began = performance.now();
    cells(ydoc).push(more);
    return performance.now() - began;
  }
};

let typing = false;
let inTransactions = 0;

function fill(path: string, bytes: number): Y.Doc {
  const ydoc = filled(bytes);
  documents.set(path, ydoc);
  return ydoc;
}

function filled(bytes: number): Y.Doc {
  const ydoc = new Y.Doc();
  ydoc.transact(() => {
    // Documents that begin alike would be one document.
    ydoc.getMap('meta').set('name', crypto.randomUUID());
    cells(ydoc).push(makeCells(bytes));
  });
  return ydoc;
}

async function insert(ydoc: Y.Doc, more: Y.Map<unknown>[], wait: number) {
  const meta = ydoc.getMap('meta');
  const answered = new Promise(resolve => meta.observe(resolve));
  const began = performance.now();
  cells(ydoc).push(more);
  const blocked = performance.now() - began;
  const answer = answered.then(() => performance.now() - began);
  return { ms: await within(wait, answer), blocked };
}

/** How to type one character and wait until it is seen to have been seen. */
function keyboard(system: System) {
  let seen: () => void = () => undefined;
  const stroke = (type: () => void) => async () => {
    const began = performance.now();
    const echoed = new Promise<void>(resolve => (seen = resolve));
    type();
    await echoed;
    return performance.now() - began;
  };
  if (system === 'bare') {
    const { keys } = links[0];
    keys.onmessage = () => seen();
    return { stroke: stroke(() => keys.send('x')), quit: () => undefined };
  }
  const ydoc = documents.get('keys')!;
  const typed = ydoc.getText('typed');
  const echo = ydoc.getText('echo');
  const listener = () => seen();
  echo.observe(listener);
  return {
    stroke: stroke(() => typed.insert(typed.length, 'x')),
    quit: () => echo.unobserve(listener)
  };
}

function within<T>(wait: number, promise: Promise<T>): Promise<T | null> {
  const late = new Promise<null>(resolve =>
    setTimeout(() => resolve(null), wait)
  );
  return Promise.race([promise, late]);
}

async function until(condition: () => boolean, pause = 2): Promise<void> {
  while (!condition()) {
    await new Promise(resolve => setTimeout(resolve, pause));
  }
}

/** Let what was begun before come to its end, so that it is not counted. */
function idle(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 100));
}

Object.assign(window, {
  bench: {
    run: (name: keyof typeof functions, options: never) =>
      functions[name](options)
  }
});
