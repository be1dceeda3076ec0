/** Tabs of one browser: one of them is connected to others, and another takes over when it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { countConnections, freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
/** Longer than a leader that says nothing is waited for, in milliseconds. */
const BLOCKED = 45_000;
const SOURCES = ['first', 'second', 'third'];
const files = { [PATH]: notebook(...SOURCES) };

const connections = tab => tab.page.evaluate(() => window.connections());

/** So many tabs of Ada's browser, and Grace with a browser of her own. */
async function meet(count) {
  const first = await stage.person('ada', { files });
  const tabs = [first];
  while (tabs.length < count) {
    const name = `ada-${tabs.length + 1}`;
    tabs.push(await stage.person(name, { beside: first }));
  }
  const grace = await stage.person('grace');
  const all = [...tabs, grace];
  const room = freshRoom();
  for (const one of all) {
    await one.page.addInitScript(countConnections);
    await one.open(PATH, { room });
  }
  await Promise.all(all.map(one => one.meets(count)));
  return { tabs, grace, room };
}

/** The tab that is connected to others. */
async function leaderOf(tabs) {
  return eventually(async () => {
    const counts = await Promise.all(tabs.map(connections));
    const sorted = [...counts].sort();
    assert.deepEqual(sorted, [...tabs.slice(1).map(() => 0), 1], 'connections');
    return tabs[counts.indexOf(1)];
  });
}

async function allSee(people, text, cell = 0) {
  await Promise.all(people.map(one => one.sees(PATH, text, cell)));
}

function allShowTheSame(people) {
  return eventually(async () => {
    const seen = await Promise.all(people.map(one => one.sources(PATH)));
    seen.forEach(sources => assert.deepEqual(sources, seen[0]));
  });
}

test('of three tabs one is connected, and all edit with all', async () => {
  const { tabs, grace } = await meet(3);
  await leaderOf(tabs);
  assert.equal(await connections(grace), 1, "grace's connections");
  const everybody = [...tabs, grace];
  for (const [i, one] of everybody.entries()) {
    await one.type(PATH, ` by-${i}`);
    await allSee(everybody, `by-${i}`);
  }
  await tabs[2].enter(PATH, 0);
  await tabs[2].page.keyboard.type('/');
  for (const one of [tabs[0], tabs[1], grace]) {
    const flag = one.page.locator('.jp-remote-userFlag-name', {
      hasText: 'ada-3'
    });
    await flag.first().waitFor({ state: 'attached' });
  }
  await tabs[2].page.keyboard.press('Backspace');
  await allSee(everybody, 'by-3');
  await allShowTheSame(everybody);
  everybody.forEach(one => assert.deepEqual(one.warnings, [], one.name));
});

for (const how of ['closed', 'crashed']) {
  test(`the tab that is connected is ${how}: another takes over`, async () => {
    const { tabs, grace } = await meet(3);
    const leader = await leaderOf(tabs);
    await leader.type(PATH, ' before');
    await allSee([...tabs, grace], 'before');
    await (how === 'closed' ? leader.page.close() : leader.crash());
    const left = tabs.filter(tab => tab !== leader);
    for (const one of [...left, grace]) {
      await one.type(PATH, ` then-${one.name}`);
    }
    for (const one of [...left, grace]) {
      await allSee([...left, grace], `then-${one.name}`);
    }
    await leaderOf(left);
    if (how === 'closed') {
      await Promise.all([...left, grace].map(one => one.meets(2)));
      const names = await grace.people();
      assert.ok(!names.some(name => name === leader.name), `${names}`);
    }
    await allShowTheSame([...left, grace]);
  });
}

test('the tab that is connected does not answer: another takes over, and it follows afterwards', async () => {
  const { tabs, grace } = await meet(2);
  const leader = await leaderOf(tabs);
  const other = tabs.find(tab => tab !== leader);
  const counts = [connections(other), connections(grace)];
  assert.deepEqual(await Promise.all(counts), [0, 1]);
  // As a dialog of the browser would: the page does nothing until another one has taken over.
  const blocked = leader.page.evaluate(ms => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  }, BLOCKED);
  await other.type(PATH, ' meanwhile');
  await grace.sees(PATH, 'meanwhile');
  await grace.type(PATH, ' and-back');
  await other.sees(PATH, 'and-back');
  await blocked;
  await leader.type(PATH, ' awake');
  await allSee([...tabs, grace], 'awake');
  assert.equal(await leaderOf(tabs), other);
  await allShowTheSame([...tabs, grace]);
});

test('a second tab gets a document that only others have, and the third when the first is gone', async () => {
  const grace = await stage.person('grace', { files });
  const ada = await stage.person('ada');
  const second = await stage.person('ada-2', { beside: ada });
  const third = await stage.person('ada-3', { beside: ada });
  const room = freshRoom();
  await grace.open(PATH, { room });
  await ada.open(PATH, { room });
  await second.open(PATH, { room });
  await ada.page.close();
  await third.open(PATH, { room });
  await grace.meets(2);
  await third.type(PATH, ' by-third');
  await allSee([grace, second, third], 'by-third');
});
