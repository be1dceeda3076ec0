/** The stage of the browser tests, with Ada and Grace at two places, each with a browser there. */
import { after, afterEach } from 'node:test';
import { freshRoom, useStage } from '../e2e/site.mjs';
import { watchConnections } from './connections.mjs';
import { launchAt, PORT } from './launch.mjs';
import { buildNetwork, MIDDLE } from './network.mjs';

export async function useNetworkStage() {
  const network = await buildNetwork();
  const { a, b } = network;
  const serving = { host: MIDDLE, port: PORT };
  const stage = await useStage({ serving, launching: () => launchAt(a) });
  stage.network = network;
  stage.far = await launchAt(b);
  after(async () => {
    await stage.far.close();
    await network.close();
  });
  afterEach(() => network.reset());
  /** Ada at `a` and Grace at `b`; `hers` are options that only Grace has. */
  stage.two = (options, hers = {}) => {
    const init = watchConnections;
    return Promise.all([
      stage.person('ada', { init, ...options }),
      stage.person('grace', { init, ...options, ...hers, browser: stage.far })
    ]);
  };
  /** The two with one document open, connected. */
  stage.together = async (path, options) => {
    const room = freshRoom();
    const people = await stage.two(options);
    await Promise.all(people.map(one => one.open(path, { room })));
    await Promise.all(people.map(one => one.meets(1)));
    return people;
  };
  return stage;
}
