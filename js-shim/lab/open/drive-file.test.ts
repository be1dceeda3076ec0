/** What JupyterLab is told of a file, in the order in which it asks. */
import { expect, it } from 'vitest';
import { DriveFile, ILiveState } from './drive-file.js';

const at = (modified: string): any => ({ last_modified: modified });
const ledger = (modified: string, hasSaved = true): ILiveState => ({
  saved: { genesis: 'g', stateVector: [], state: '', modified },
  hasSaved
});
const nothing: ILiveState = { saved: null, hasSaved: false };

/** Ask, as JupyterLab does before it saves. */
const ask = (file: DriveFile, now: string, live: ILiveState) =>
  file.describe(at(now), file.isOwn(at(now), live));

it('says the same as long as nothing else writes', () => {
  const file = new DriveFile();
  file.know(at('1'));
  const first = ask(file, '1', nothing).hash;
  file.saved(at('2'));
  expect(ask(file, '2', nothing).hash).toBe(first);
  // another tab saved
  expect(ask(file, '3', ledger('3')).hash).toBe(first);
  // with dates alone it is no change either
  expect(ask(file, '3', ledger('3')).last_modified).toBe('2');
});

it('says something else when something else wrote, each time it is asked', () => {
  const file = new DriveFile();
  file.know(at('1'));
  const { hash } = file;
  for (let time = 0; time < 2; time++) {
    const answer = ask(file, '9', ledger('3'));
    expect(answer.hash).not.toBe(hash);
    expect(answer.last_modified).toBe('9');
  }
});

it('does not take for its own what another tab saved and it lacks', () => {
  const file = new DriveFile();
  file.know(at('1'));
  expect(file.isAhead(at('3'), ledger('3', false))).toBe(true);
  expect(ask(file, '3', ledger('3', false)).hash).not.toBe(file.hash);
  expect(file.isAhead(at('3'), ledger('3'))).toBe(false);
});

it('goes on with the hash that was asked about after a revert', () => {
  const file = new DriveFile();
  file.know(at('1'));
  const { hash } = ask(file, '9', nothing);
  file.reverted(at('9'));
  expect(ask(file, '9', nothing).hash).toBe(hash);
  file.saved(at('10'));
  expect(ask(file, '10', nothing).hash).toBe(hash);
});

it('goes on with the old hash when the file was written over', () => {
  const file = new DriveFile();
  file.know(at('1'));
  const { hash } = file;
  ask(file, '9', nothing);
  file.saved(at('10'));
  expect(ask(file, '10', nothing).hash).toBe(hash);
  // A later revert without a question (Reload from Disk) does not take up the old one.
  file.reverted(at('11'));
  expect(file.hash).toBe(hash);
});
