/**
 * What is kept of rooms in this browser, when no page is in them.
 */
import {
  forgetRoom as forget,
  forgetUnused as forgetOld,
  loadEngine
} from './engine.js';
import { IRoomOptions } from './types.js';

/** Take away all that is kept of a room. Leave it first, in all tabs. Rejects where that fails. */
export async function forgetRoom(
  options: Pick<IRoomOptions, 'prefix' | 'room'> & { history: string }
): Promise<void> {
  await loadEngine();
  await forget(options.history, options.prefix, options.room);
}

/** Take away the rooms that were last used so many days ago. Resolves with how many they were. */
export async function forgetUnused(
  history: string,
  days: number
): Promise<number> {
  await loadEngine();
  return forgetOld(history, days);
}
