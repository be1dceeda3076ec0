/**
 * A change which two people who make it at the same time make only once.
 *
 * Two people press "Revert" on one document. Each page inserts the cells that the file has and the
 * document lacks, under its own client id, and the document has them twice. The cure is that of a
 * seed (`seed.ts`): what is inserted is named by what it is and where it is put. Equal insertions
 * then are one, whatever else the two pages have or lack.
 *
 * The change is made of *steps*, and each of them stands for itself: a step is one only with a step
 * that inserts the same between the same neighbours. It is carried out twice, each time on a copy of
 * the document. The first time tells the neighbours, and so the client id of each step; the second
 * time makes the update. Never is the client id of the document itself touched.
 *
 * Deleting and overwriting need none of this: both are the same however often they are done.
 */
import * as Y from 'yjs';
import { canonicalJson } from './canonical.js';
import { clientIdOf, digestText } from './digest.js';

/**
 * Carries out a part of a change. `what` is JSON which says all about what `change` inserts; where
 * it inserts is found out.
 */
export type Step = (what: unknown, change: () => void) => void;

/** Changes a copy of a document, in the same way each time it is called. */
export type Edit = (copy: Y.Doc, step: Step) => void;

/** The update that makes a change to a document, in a form that coincides with that of others. */
export function coincidingUpdate(document: Y.Doc, edit: Edit): Uint8Array {
  const state = Y.encodeStateAsUpdate(document);
  const known = Y.encodeStateVector(document);
  const clients = new Set(Y.decodeStateVector(known).keys());
  const rehearsal = rehearse(state, known, edit, clients);
  const names = nameSteps(rehearsal, clients);
  const copy = copyOf(state);
  let next = 0;
  edit(copy, (_, change) => {
    copy.clientID = names[next++];
    copy.transact(change);
  });
  const update = Y.encodeStateAsUpdate(copy, known);
  copy.destroy();
  return update;
}

/** A step as it was rehearsed under a client id that nobody has. */
interface IRehearsed {
  client: number;
  what: unknown;
  structs: Y.Item[];
}

function rehearse(
  state: Uint8Array,
  known: Uint8Array,
  edit: Edit,
  clients: Set<number>
): IRehearsed[] {
  const copy = copyOf(state);
  const steps: IRehearsed[] = [];
  let client = 0;
  edit(copy, (what, change) => {
    do {
      client++;
    } while (clients.has(client));
    steps.push({ client, what, structs: [] });
    copy.clientID = client;
    copy.transact(change);
  });
  const { structs } = Y.decodeUpdate(Y.encodeStateAsUpdate(copy, known));
  copy.destroy();
  const byClient = new Map(steps.map(step => [step.client, step]));
  for (const struct of structs as Y.Item[]) {
    byClient.get(struct.id.client)?.structs.push(struct);
  }
  return steps;
}

/** Client ids for the steps, in their order: hashes of what is inserted and where. */
function nameSteps(steps: IRehearsed[], clients: Set<number>): number[] {
  const names = new Map<number, number>();
  const taken = new Set(clients);
  for (const { client, what, structs } of steps) {
    const place = structs.map(item => [
      reference(item.origin, client, names),
      reference(item.rightOrigin, client, names),
      // Only told for items without neighbours; the name of a root or the id of an item.
      typeof item.parent === 'string'
        ? item.parent
        : reference(item.parent as unknown as Y.ID | null, client, names),
      item.parentSub ?? null,
      item.length
    ]);
    // The same was done here before, and undone: this is another time.
    for (let time = 0; !names.has(client); time++) {
      const name = clientIdOf(digestText(canonicalJson([what, place, time])));
      if (!taken.has(name)) {
        taken.add(name);
        names.set(client, name);
      }
    }
  }
  return steps.map(step => names.get(step.client)!);
}

/** An item's id as everyone would write it. */
function reference(
  id: Y.ID | null | undefined,
  self: number,
  names: Map<number, number>
): unknown {
  if (!id) {
    return null;
  }
  return [
    id.client === self ? 'self' : (names.get(id.client) ?? id.client),
    id.clock
  ];
}

function copyOf(state: Uint8Array): Y.Doc {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, state);
  return copy;
}
