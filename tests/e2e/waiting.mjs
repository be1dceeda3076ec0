/** Waiting for what comes when it comes. */
import { setTimeout as pause } from 'node:timers/promises';

/** How long a person waits for something before it counts as broken, in milliseconds. */
export const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

/** How long between two looks at something that has no event. */
const GLANCE = 50;

/** Look again and again until `check` does not throw; then what it returned. */
export async function eventually(check, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    try {
      return await check();
    } catch (reason) {
      if (Date.now() > end) {
        throw reason;
      }
      await pause(GLANCE);
    }
  }
}
