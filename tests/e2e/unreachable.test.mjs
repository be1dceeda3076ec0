/** Two pages that hear of each other, and between whose networks there is no path. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSee } from './crowd.mjs';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };
const UNREACHABLE = /no direct connection could be made.*TURN/;

/**
 * Two pages with this obstacle can't reach each other, but anybody else: each marks its descriptions,
 * and has no use for the candidates of a page that does. While `window.isOpen` there is none.
 */
function obstacle() {
  const MARK = 'a=x-behind-the-obstacle:1\r\n';
  const { prototype } = window.RTCPeerConnection;
  const behind = new WeakSet();
  for (const name of ['createOffer', 'createAnswer']) {
    const create = prototype[name];
    prototype[name] = async function () {
      const { type, sdp } = await create.call(this);
      return { type, sdp: window.isOpen ? sdp : sdp + MARK };
    };
  }
  const { setLocalDescription, setRemoteDescription, addIceCandidate } =
    prototype;
  prototype.setLocalDescription = function ({ type, sdp }) {
    return setLocalDescription.call(this, {
      type,
      sdp: sdp.replace(MARK, '')
    });
  };
  prototype.setRemoteDescription = function ({ type, sdp }) {
    if (sdp.includes(MARK)) {
      behind.add(this);
    }
    return setRemoteDescription.call(this, {
      type,
      sdp: sdp.replace(MARK, '')
    });
  };
  prototype.addIceCandidate = async function (candidate) {
    if (window.isOpen || !behind.has(this)) {
      await addIceCandidate.call(this, candidate);
    }
  };
}

/** Two with the obstacle between them, each with the document open, and told. */
async function twoApart() {
  const [ada, grace] = await stage.persons(['ada', 'grace'], {
    files,
    init: obstacle
  });
  const room = freshRoom();
  await ada.open(PATH, { room });
  const start = Date.now();
  await grace.open(PATH, { room });
  const open = Date.now() - start;
  // The one who is here already edits on meanwhile.
  await ada.type(PATH, ' by ada');
  await grace.type(PATH, ' by grace', 1);
  await Promise.all([ada.noticed(UNREACHABLE), grace.noticed(UNREACHABLE)]);
  const told = Date.now() - start;
  console.log(
    `the editor was open after ${open} ms, the notice after ${told} ms`
  );
  await ada.seesSources(PATH, ['first by ada', 'second']);
  await grace.seesSources(PATH, ['first', 'second by grace']);
  return { ada, grace, room };
}

async function nobodyGotCopies(people) {
  for (const one of people) {
    const copies = (await one.files()).filter(path => /copy/.test(path));
    assert.deepEqual(copies, [], `copies on ${one.name}'s drive`);
  }
}

test('no path between two: both are told and go on alone, and all is merged when there is one', async () => {
  const { ada, grace } = await twoApart();
  await ada.save(PATH);
  for (const one of [ada, grace]) {
    await one.meets(0);
    await one.page.evaluate(() => (window.isOpen = true));
  }
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await allSee([ada, grace], PATH, ['first by ada', 'second by grace']);
  await grace.type(PATH, ' together');
  await ada.sees(PATH, 'by ada together');
  await nobodyGotCopies([ada, grace]);
});

test('no path between two: all is merged by a third who reaches both', async () => {
  const { ada, grace, room } = await twoApart();
  const kay = await stage.person('kay', { files });
  await kay.open(PATH, { room });
  await kay.meets(2);
  await allSee([ada, grace, kay], PATH, ['first by ada', 'second by grace']);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await nobodyGotCopies([ada, grace, kay]);
});
