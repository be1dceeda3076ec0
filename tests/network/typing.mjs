/** Two people who type while something happens to their network, and what has to be there in the end. */
import { whichIsOpen } from './connections.mjs';

/** Between two keystrokes, in milliseconds: somebody who is in no hurry. */
const KEY = 100;

/** Type numbered words at the end of a cell for as long as `going` says; all that was typed. */
async function typeWhile(one, path, cell, going) {
  await one.enter(path, cell);
  let text = '';
  for (let number = 1; going(); number++) {
    const word = ` ${one.name}${number}`;
    await one.page.keyboard.type(word, { delay: KEY });
    text += word;
  }
  return text;
}

/**
 * Everybody types, each at the end of a cell of their own, until `event` is over.
 *
 * @returns The sources that all should see in the end.
 */
export async function typeDuring(people, path, event) {
  const before = await people[0].sources(path);
  let isOver = false;
  const over = event.finally(() => (isOver = true));
  const typed = await Promise.all(
    people.map((one, cell) => typeWhile(one, path, cell, () => !isOver))
  );
  await over;
  return before.map((source, cell) => source + (typed[cell] ?? ''));
}

/** Wait until all see `expected`, and say how long that took. */
export async function timeUntilAllSee(people, path, expected, since) {
  const start = Date.now();
  await Promise.all(people.map(one => one.seesSources(path, expected)));
  const took = Date.now() - start;
  const connection = await whichIsOpen(people[0]);
  console.log(`  equal ${took} ms after ${since}, connection ${connection}`);
}
