/**
 * What a page's main thread does, as the browser counts it: milliseconds of processor time in all tasks,
 * so that what else the machine does is not in them.
 */
export async function watchThread(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return {
    async spent() {
      const { metrics } = await session.send('Performance.getMetrics');
      const { value } = metrics.find(({ name }) => name === 'TaskDuration');
      return value * 1_000;
    }
  };
}
