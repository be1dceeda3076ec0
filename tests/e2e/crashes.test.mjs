/** Pages whose process dies while a large document is on its way: nobody says goodbye. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { PATIENCE, eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const LARGE = 'large.ipynb';
const text = 'a long line of output\n'.repeat(200_000);
const files = {
  [PATH]: notebook('small'),
  [LARGE]: notebook('first', {
    source: 'print',
    execution_count: 1,
    outputs: [{ output_type: 'stream', name: 'stdout', text }]
  })
};

/** From `stall()` to `goOn()` the page sends the beginning of what is large, and keeps the rest. */
function stallingLine() {
  const BEGINNING = 2_000_000;
  const { send } = window.RTCDataChannel.prototype;
  const kept = [];
  let sent = -Infinity;
  window.RTCDataChannel.prototype.send = function (data) {
    sent += data.byteLength > 4096 ? data.byteLength : 0;
    if (sent > BEGINNING || kept.some(([channel]) => channel === this)) {
      kept.push([this, data.slice()]);
    } else {
      send.call(this, data);
    }
  };
  window.stall = () => (sent = 0);
  window.isStalled = () => kept.length > 0;
  window.goOn = () => {
    sent = -Infinity;
    kept.splice(0).forEach(([channel, data]) => send.call(channel, data));
  };
}

const stall = one => one.page.evaluate(() => window.stall());
const stalls = one =>
  one.page.waitForFunction(() => window.isStalled(), null, {
    timeout: PATIENCE
  });
const goOn = one => one.page.evaluate(() => window.goOn());

/** `one` has begun to receive it, and has not got it. */
async function isReceiving(one) {
  await one.shows(/Receiving “large.ipynb”: [1-9]\d* of \d+ MB/);
  const isHere = await one.page.evaluate(
    path => Boolean(window.documentAt(path)?.context.isReady),
    LARGE
  );
  assert.equal(isHere, false, `${one.name} has what has not arrived`);
}

/** `one` has all of it. */
async function hasAll(one) {
  await one.isOpen(LARGE);
  await one.seesSources(LARGE, ['first', 'print']);
  const seen = await one.run(LARGE, (_, model) =>
    String(model.getCell(1).getOutputs()[0].text)
  );
  assert.equal(seen.length, text.length, `the output that ${one.name} sees`);
}

/** Ada alone has the large document, and Grace has begun to receive it. */
async function halfWay(graces) {
  const ada = await stage.person('ada', { files, init: stallingLine });
  const grace = await stage.person('grace', graces);
  const room = freshRoom();
  await ada.open(LARGE, { room });
  await stall(ada);
  await grace.goto(LARGE, { room });
  await stalls(ada);
  await isReceiving(grace);
  return [ada, grace, room];
}

async function editTogether(one, other) {
  await one.type(LARGE, ` by ${one.name}`);
  await other.sees(LARGE, `first by ${one.name}`);
  await other.type(LARGE, ` by ${other.name}`, 1);
  await one.sees(LARGE, `print by ${other.name}`);
}

test('who sends a large document crashes: another who has it sends it whole', async () => {
  const ada = await stage.person('ada', { files, init: stallingLine });
  const grace = await stage.person('grace', { init: stallingLine });
  const kay = await stage.person('kay');
  const room = freshRoom();
  await ada.open(LARGE, { room });
  await grace.open(LARGE, { room });
  await hasAll(grace);
  await Promise.all([stall(ada), stall(grace)]);
  await kay.goto(LARGE, { room });
  const sender = await Promise.race(
    [ada, grace].map(one => stalls(one).then(() => one))
  );
  await isReceiving(kay);
  await sender.crash();
  const other = sender === ada ? grace : ada;
  await goOn(other);
  await hasAll(kay);
  await Promise.all([kay.meets(1), other.meets(1)]);
  await editTogether(kay, other);
});

test('who alone has a large document crashes: the others get it when they are back', async () => {
  const small = { [PATH]: files[PATH] };
  const [ada, grace, room] = await halfWay({ files: small });
  await ada.crash();
  // She is told that there is no such file, is asked nothing, and goes on with another one.
  await eventually(() =>
    assert.match(grace.dialogs.join(), /large.ipynb does not exist/)
  );
  await grace.page.locator('.jp-Dialog-button').first().click();
  await grace.openMore(PATH);
  await grace.type(PATH, ' alone');
  await grace.save(PATH);
  assert.equal(grace.dialogs.length, 1, `grace was asked ${grace.dialogs}`);

  await ada.sitDown();
  await ada.open(LARGE, { room });
  await hasAll(ada);
  await grace.meets(1);
  await grace.openFromPeople(LARGE);
  await hasAll(grace);
  await editTogether(ada, grace);
});

test('who receives a large document crashes: the others go on, and it arrives the second time', async () => {
  const [ada, grace, room] = await halfWay();
  const kay = await stage.person('kay');
  await grace.crash();
  await goOn(ada);
  await kay.open(LARGE, { room });
  await hasAll(kay);
  await editTogether(ada, kay);
  await grace.sitDown();
  await grace.open(LARGE, { room });
  await Promise.all([ada, grace, kay].map(one => one.meets(2)));
  await grace.sees(LARGE, 'print by kay');
  await grace.type(LARGE, ' and grace');
  await ada.sees(LARGE, 'first by ada and grace');
});
