/** What a page of a crowd does: it types, or notes when what others typed arrives. */
import * as Y from 'yjs';

/** One clock for all pages of a machine, in milliseconds. */
const clock = () => performance.timeOrigin + performance.now();

const arrivals: number[] = [];

/** Note when each character of a text is there, from now on. */
export function note(ydoc: Y.Doc): void {
  const text = ydoc.getText('crowd');
  text.observe(() => {
    while (arrivals.length < text.length) {
      arrivals.push(clock());
    }
  });
}

/** When each character was there. */
export function noted(): number[] {
  return arrivals;
}

/** Type so many characters, one every `pause` milliseconds: when each was typed. */
export async function typeSlowly(
  ydoc: Y.Doc,
  o: { count: number; pause: number }
): Promise<number[]> {
  const text = ydoc.getText('crowd');
  const typed = [];
  while (typed.length < o.count) {
    typed.push(clock());
    text.insert(text.length, 'x');
    await new Promise(resolve => setTimeout(resolve, o.pause));
  }
  return typed;
}
