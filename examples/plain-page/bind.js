/** Keep a textarea and a Y.Text the same. (Real editors have a binding: y-codemirror.next, y-quill…) */
export function bind(area, ytext) {
  area.value = ytext.toString();

  area.addEventListener('input', () => {
    const { start, removed, inserted } = difference(
      ytext.toString(),
      area.value
    );
    ytext.doc.transact(() => {
      ytext.delete(start, removed);
      ytext.insert(start, inserted);
    }, area);
  });

  ytext.observe((event, transaction) => {
    if (transaction.origin === area) {
      return; // it shows this already
    }
    const { selectionStart, selectionEnd, selectionDirection } = area;
    area.value = ytext.toString();
    area.setSelectionRange(
      moved(selectionStart, event.delta),
      moved(selectionEnd, event.delta),
      selectionDirection
    );
  });
}

/** The one stretch in which two texts differ. */
function difference(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) {
    start++;
  }
  let end = 0;
  while (
    end < shorter - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) {
    end++;
  }
  // An emoji is two units, and half of one is none.
  if (/[\ud800-\udbff]/.test(before[start - 1] ?? '')) {
    start--;
  }
  if (end > 0 && /[\udc00-\udfff]/.test(before[before.length - end])) {
    end--;
  }
  return {
    start,
    removed: before.length - start - end,
    inserted: after.slice(start, after.length - end)
  };
}

/** Where a position is after somebody else's change. */
function moved(position, delta) {
  let index = 0;
  for (const { retain, insert, delete: removed } of delta) {
    if (retain) {
      index += retain;
    } else if (insert) {
      position += index < position ? insert.length : 0;
      index += insert.length;
    } else if (index < position) {
      position -= Math.min(removed, position - index);
    }
  }
  return position;
}
