/** What is true of several people at once. */
import assert from 'node:assert/strict';
import { eventually } from './waiting.mjs';

/** All see the same: exactly this, in some order of cells typed in. */
export async function allSee(people, path, expected) {
  for (const one of people) {
    await one.seesSources(path, expected);
  }
}

/** Nobody got a copy or a dialog. */
export async function unasked(people) {
  for (const one of people) {
    const copies = (await one.files()).filter(path => /my copy/.test(path));
    assert.deepEqual(copies, [], `copies on ${one.name}'s drive`);
    assert.deepEqual(one.dialogs, [], `what ${one.name} was asked`);
  }
}

/** Nobody got a copy, a warning or a dialog. */
export async function undisturbed(people) {
  await unasked(people);
  for (const one of people) {
    assert.deepEqual(one.warnings, [], `what ${one.name} was told`);
  }
}

/** Wait until all see the same, whatever that is; then the sources that they see. */
export function allAgree(people, path) {
  return eventually(async () => {
    const [first, ...others] = await Promise.all(
      people.map(one => one.sources(path))
    );
    for (const sources of others) {
      assert.deepEqual(sources, first, `${path} is not the same for all`);
    }
    return first;
  });
}
