/**
 * Writes the updates, state vectors and presence that Yjs itself makes into the corpus: the fuzzer
 * begins with them, and whatever Yjs makes must be taken. Files that begin with `yjs-` are these.
 *
 *   node fuzz/seeds.mjs
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';

const corpus = new URL('corpus/', import.meta.url);

function write(target, name, bytes) {
  mkdirSync(new URL(`${target}/`, corpus), { recursive: true });
  writeFileSync(new URL(`${target}/yjs-${name}`, corpus), bytes);
}

/** What `edit` leads to in a document; with `each`, what each transaction of it made. */
function made(edit, { client = 1, gc = true } = {}) {
  const doc = new Y.Doc({ gc });
  doc.clientID = client;
  const each = [];
  doc.on('update', update => each.push(update));
  edit(doc);
  return { doc, each, whole: Y.encodeStateAsUpdate(doc) };
}

const nested = depth => (depth ? { a: [nested(depth - 1), null] } : 'end');

const edits = {
  text: doc => doc.getText('t').insert(0, 'hello é 日本 😀'),
  deleted: doc => {
    const text = doc.getText('t');
    text.insert(0, 'hello world');
    text.delete(2, 3);
    text.delete(4, 1);
    text.insert(1, 'x');
  },
  'surrogate-cut': doc => {
    const text = doc.getText('t');
    text.insert(0, 'a😀b');
    text.insert(2, 'between the halves');
    text.delete(1, 1);
  },
  'surrogate-in-json': doc => {
    const text = doc.getText('t');
    text.insertEmbed(0, { half: '\ud83d' });
    text.insert(1, 'x', { style: '\ude00' });
  },
  'surrogate-in-any': doc => doc.getMap('m').set('half', '\ud83d'),
  formats: doc => {
    const text = doc.getText('t');
    text.insert(0, 'plain bold', { bold: true });
    text.format(0, 5, { bold: null, href: { url: 'x', list: [1, 2] } });
    text.insertEmbed(3, { image: 'data:', size: 1e300 });
  },
  any: doc => {
    const map = doc.getMap('m');
    const numbers = [
      0,
      -0,
      -1,
      63,
      64,
      -64,
      2 ** 31,
      -(2 ** 53) + 1,
      2 ** 53 - 1,
      1.5,
      1e-9,
      NaN,
      Infinity
    ];
    map.set('numbers', numbers);
    map.set('words', [true, false, null, undefined, '', 'é']);
    map.set('bytes', new Uint8Array([0, 255]));
    map.set('in', {
      bytes: new Uint8Array(3),
      big: 2n ** 60n,
      deep: nested(20)
    });
  },
  deep: doc => doc.getMap('m').set('deep', nested(120)),
  'deep-embed': doc => doc.getText('t').insertEmbed(0, nested(200)),
  map: doc => {
    const map = doc.getMap('m');
    map.set('a', 1);
    map.set('a', 2);
    map.delete('a');
    map.set('', new Y.Array());
    map.get('').push([1, new Y.Map(), 'x']);
  },
  types: doc => {
    const array = doc.getArray('a');
    array.push([new Y.Text('in'), new Y.Map([['k', 1]]), new Y.Array()]);
    array.push([
      new Y.XmlFragment(),
      new Y.XmlText('t'),
      new Y.XmlElement('p')
    ]);
    array.push([new Y.XmlHook('hook')]);
    array.delete(1, 2);
  },
  xml: doc => {
    const element = new Y.XmlElement('p');
    doc.getXmlFragment('x').push([element, new Y.XmlText('text')]);
    element.setAttribute('class', 'é');
    element.insert(0, [new Y.XmlText('in'), new Y.XmlElement('b')]);
  },
  subdocuments: doc => {
    const map = doc.getMap('m');
    map.set('one', new Y.Doc({ guid: 'one' }));
    map.set('two', new Y.Doc({ guid: 'two', autoLoad: true, meta: { a: 1 } }));
  },
  notebook: doc => {
    const source = new Y.Text('print("hello")');
    const outputs = new Y.Array();
    const cell = new Y.Map([
      ['cell_type', 'code'],
      ['source', source],
      ['outputs', outputs],
      ['metadata', new Y.Map()],
      ['execution_count', null],
      ['id', 'a1']
    ]);
    doc.getArray('cells').push([cell]);
    doc.getMap('meta').set('metadata', { kernelspec: { name: 'python' } });
    outputs.push([
      new Y.Map([
        ['output_type', 'stream'],
        ['name', 'stdout'],
        ['text', new Y.Text('hello\n')]
      ])
    ]);
    source.insert(5, 'é');
    outputs.delete(0, 1);
  },
  undone: doc => {
    const text = doc.getText('t');
    const undo = new Y.UndoManager(text, { captureTimeout: 0 });
    text.insert(0, 'one');
    text.insert(3, 'two');
    undo.undo();
    undo.undo();
    undo.redo();
  }
};

for (const [name, edit] of Object.entries(edits)) {
  const { doc, each, whole } = made(edit);
  write('update', name, whole);
  write('state_vector', name, Y.encodeStateVector(doc));
  if (each.length > 2) {
    write('update', `${name}-last`, each.at(-1));
    // The first one is missing: Yjs writes a gap where there is one.
    write('update', `${name}-gap`, Y.mergeUpdates([each[0], ...each.slice(2)]));
    write('update', `${name}-kept`, made(edit, { gc: false }).whole);
  }
}

// Two who write at once, and what one lacks of the other.
const one = made(edits.notebook, { client: 7 });
const other = made(edits.formats, { client: 2 ** 53 - 1 });
Y.applyUpdate(one.doc, other.whole);
one.doc.getText('t').insert(2, 'both');
write('update', 'two-clients', Y.encodeStateAsUpdate(one.doc));
write(
  'update',
  'difference',
  Y.encodeStateAsUpdate(one.doc, Y.encodeStateVector(other.doc))
);
write('state_vector', 'two-clients', Y.encodeStateVector(one.doc));
write('update', 'empty', Y.encodeStateAsUpdate(new Y.Doc()));

const awareness = new Awareness(one.doc);
awareness.setLocalState({
  user: { name: 'Ada', color: '#1e88e5' },
  cursors: [{ anchor: null }]
});
write('presence', 'user', encodeAwarenessUpdate(awareness, [7]));
awareness.setLocalState(null);
write('presence', 'gone', encodeAwarenessUpdate(awareness, [7]));
process.exit(0); // an awareness keeps its clock running
