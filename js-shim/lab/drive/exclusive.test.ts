/** Without the Web Locks API a page keeps at least its own order. */
import { afterEach, expect, it, vi } from 'vitest';
import { exclusively } from './exclusive.js';

afterEach(() => vi.unstubAllGlobals());

it('does one thing after the other, also after a failure', async () => {
  vi.stubGlobal('navigator', {});
  const order: string[] = [];
  const task = (name: string) => async () => {
    order.push(`${name} begins`);
    await Promise.resolve();
    order.push(`${name} ends`);
    if (name === 'a') {
      throw new Error('a failed');
    }
    return name;
  };
  const a = exclusively('file', task('a'));
  const b = exclusively('file', task('b'));
  await expect(a).rejects.toThrow('a failed');
  expect(await b).toBe('b');
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

it('uses the locks of the browser where there are any', async () => {
  const request = vi.fn(async (_: string, task: () => Promise<unknown>) =>
    task()
  );
  vi.stubGlobal('navigator', { locks: { request } });
  expect(await exclusively('file', async () => 1)).toBe(1);
  expect(request).toHaveBeenCalledTimes(1);
});
