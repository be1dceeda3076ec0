/**
 * Undoing what one did oneself, and nothing else.
 *
 * Yjs undoes an insertion by deleting what was inserted. That takes no character of others out of a
 * text; but what was inserted may be a whole cell, and they may have written in it since. So a cell in
 * which somebody else has written stays. Yjs cannot move a cell either: moving inserts it anew, and
 * undoing that would bring the old one back beside the one that has to stay. Then the move stays.
 */
import * as Y from 'yjs';

type StackItem = Y.UndoManager['undoStack'][number];

/** Have a notebook's undo manager spare the cells in which others have written. */
export function spareOthers(manager: Y.UndoManager, cells: Y.Array<any>): void {
  // On the instance: editors call it, too.
  for (const name of ['undo', 'redo'] as const) {
    const original = manager[name];
    manager[name] = () => {
      const stack = manager[`${name}Stack`];
      forgetMoves(stack, cells);
      const steps = [...stack];
      manager.deleteFilter = item => !isSpared(item, steps, cells);
      return original.call(manager);
    };
  }
}

/** Whether an item came with a cell, in one step, and that cell is to stay. */
function isSpared(
  item: Y.Item,
  steps: StackItem[],
  cells: Y.Array<any>
): boolean {
  const cell = cellItem(item, cells);
  const came = (step: StackItem) =>
    Y.isDeleted(step.insertions, item.id) &&
    Y.isDeleted(step.insertions, cell!.id);
  return cell !== null && steps.some(came) && isSharedWork(cell, cells.doc!);
}

/** The item of the cell that an item is in, or is. */
function cellItem(item: Y.Item, cells: Y.Array<any>): Y.Item | null {
  let one: Y.Item | null = item;
  while (one !== null && one.parent !== cells) {
    one = (one.parent as Y.AbstractType<any>)._item;
  }
  return one;
}

/** Forget the steps at the top of a stack that would double a cell. */
function forgetMoves(stack: StackItem[], cells: Y.Array<any>): void {
  while (stack.length > 0 && doubles(stack[stack.length - 1], cells)) {
    stack.pop();
  }
}

function doubles(step: StackItem, cells: Y.Array<any>): boolean {
  const gone = new Set<unknown>();
  const stay = new Set<unknown>();
  for (let item = cells._start; item !== null; item = item.right) {
    const content = (item.content as Partial<Y.ContentType>).type;
    if (item.deleted && Y.isDeleted(step.deletions, item.id)) {
      gone.add(idOf(content));
    } else if (
      !item.deleted &&
      Y.isDeleted(step.insertions, item.id) &&
      isSharedWork(item, cells.doc!)
    ) {
      stay.add(idOf(content));
    }
  }
  return [...stay].some(id => gone.has(id));
}

/** The id of a cell, which may be deleted. */
function idOf(cell: unknown): unknown {
  const item = cell instanceof Y.Map ? cell._map.get('id') : undefined;
  return item?.content.getContent().at(-1);
}

/** Whether somebody else has written in the cell that an item holds. */
function isSharedWork(item: Y.Item, document: Y.Doc): boolean {
  const content = (item.content as Partial<Y.ContentType>).type;
  const source = content instanceof Y.Map ? content.get('source') : null;
  const own = [item.id.client, document.clientID];
  let text = source instanceof Y.Text ? source._start : null;
  for (; text !== null; text = text.right) {
    if (!text.deleted && !own.includes(text.id.client)) {
      return true;
    }
  }
  return false;
}
