/**
 * The long tasks of a page, less what Yjs does in them when it applies an update: what is left is ours.
 * The browser tells of tasks above 50 ms, and no others matter.
 */
import * as Y from 'yjs';

interface ISpan {
  from: number;
  to: number;
}

let tasks: ISpan[] = [];
let transactions: ISpan[] = [];
let observer: PerformanceObserver;

const spanOf = (entry: PerformanceEntry): ISpan => ({
  from: entry.startTime,
  to: entry.startTime + entry.duration
});

/** Watch from now on. */
export function watchTasks(ydoc: Y.Doc): void {
  [tasks, transactions] = [[], []];
  observer = new PerformanceObserver(list =>
    tasks.push(...list.getEntries().map(spanOf))
  );
  observer.observe({ type: 'longtask' });
  let from = 0;
  ydoc.on('beforeAllTransactions', () => (from = performance.now()));
  ydoc.on('afterAllTransactions', () =>
    transactions.push({ from, to: performance.now() })
  );
}

/** The longest one, in milliseconds; 0 where all were short. */
export function longestTask(): number {
  observer.disconnect();
  return Math.max(0, ...tasks.map(withoutYjs));
}

function withoutYjs(task: ISpan): number {
  const within = ({ from, to }: ISpan) =>
    Math.max(0, Math.min(to, task.to) - Math.max(from, task.from));
  const yjs = transactions.map(within).reduce((a, b) => a + b, 0);
  return task.to - task.from - yjs;
}
