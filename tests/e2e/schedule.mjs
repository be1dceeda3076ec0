/**
 * Random schedules: who comes, edits, leaves and crashes when, all from one seed. Nothing here knows of
 * browsers, so a seed means the same schedule whatever happens while it is played.
 */

const NAMES = ['ada', 'grace', 'kay', 'mary'];
const ROUNDS = 6;

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    chance: probability => random() < probability,
    /** Where in a document, in hundredths: how much there is of it turns out later. */
    place: () => Math.floor(random() * 100),
    upTo: most => Math.floor(random() * (most + 1)),
    oneOf: list => list[Math.floor(random() * list.length)],
    shuffled: list => {
      const rest = [...list];
      return list.map(
        () => rest.splice(Math.floor(random() * rest.length), 1)[0]
      );
    }
  };
}

/** As often as they stand here. */
const EDITS = [
  'type',
  'type',
  'type',
  'type',
  'cell',
  'cell',
  'replace'
].concat('drop', 'save');

function edit(random, documents) {
  const what = random.oneOf(EDITS);
  const path = random.oneOf(documents);
  return { what, path, place: random.place(), spot: random.place() };
}

/**
 * The schedule of a seed: the names of those who take part, and rounds. In a round some people take a turn
 * each, all at once; or signaling goes, or comes back. A turn is what one person does, one after the other:
 *
 * - `come`: with what the browser kept (`again`), as somebody new with the same files as everybody
 *   (`files`), or as somebody new who has none (`guest`). A guest comes when somebody is there who takes
 *   no turn in that round, or there might be nothing to open;
 * - `type`, `cell`, `replace` and `drop` (of something of one's own), `save`;
 * - `leave`, `kill` (the page's process dies), `reload`.
 */
export function schedule(seed, documents) {
  const random = randomFrom(seed);
  const names = NAMES.slice(0, random.oneOf([3, 3, 4]));
  const here = new Set();
  const before = new Set();
  let signaling = true;

  const come = (name, stays) => {
    const ways = ['files'];
    if (before.has(name)) {
      ways.push('again', 'again', 'again', 'again');
    }
    if (signaling && stays) {
      ways.push('guest', 'guest');
    }
    here.add(name);
    before.add(name);
    return { what: 'come', how: random.oneOf(ways) };
  };

  const end = (name, ways) => {
    const what = random.oneOf(ways);
    if (what !== 'reload') {
      here.delete(name);
    }
    return { what };
  };

  const turn = (name, stays) => {
    const steps = here.has(name) ? [] : [come(name, stays)];
    const edits = random.upTo(5);
    for (let i = 0; i < edits; i++) {
      steps.push(edit(random, documents));
    }
    if (steps.length === 0 || random.chance(0.35)) {
      steps.push(end(name, ['leave', 'kill', 'reload']));
    }
    return { name, steps };
  };

  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) {
    if (i > 0 && random.chance(signaling ? 0.12 : 0.5)) {
      signaling = !signaling;
      rounds.push({ signaling });
      continue;
    }
    // Two begin at the same instant, whatever comes then.
    const count = i === 0 ? 2 : random.oneOf([1, 1, 2, 2, names.length]);
    const those = random.shuffled(names).slice(0, count);
    const stays = [...here].some(name => !those.includes(name));
    rounds.push({ turns: those.map(name => turn(name, stays)) });
  }
  // Nobody is left who could tell what there was, but what the browsers have kept.
  if (here.size > 0 && random.chance(0.4)) {
    const turns = [...here].map(name => ({
      name,
      steps: [edit(random, documents), end(name, ['leave', 'kill'])]
    }));
    rounds.push({ turns });
  }
  return { seed, names, rounds };
}

function stepText({ what, how, path, place }) {
  switch (what) {
    case 'come':
      return `come (${how})`;
    case 'type':
    case 'cell':
      return `${what} ${path} ${place}`;
    case 'replace':
    case 'drop':
    case 'save':
      return `${what} ${path}`;
    default:
      return what;
  }
}

/** What a round is, in a line. */
export function roundText({ signaling, turns }) {
  if (signaling !== undefined) {
    return signaling ? 'signaling is back' : 'signaling stops';
  }
  return turns
    .map(({ name, steps }) => `${name}: ${steps.map(stepText).join(', ')}`)
    .join(' | ');
}
