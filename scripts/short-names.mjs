/**
 * Shortens the names by which the engine's WebAssembly and its glue know each other.
 *
 * wasm-bindgen gives what is imported names such as `__wbg_close_a1b2c3d4e5f60718`. A hash is the one thing
 * that does not compress, and each is downloaded twice. Here they are known by `close`, and a second one
 * by `close2`.
 *
 * node scripts/short-names.mjs GLUE TEXT: the glue, and the WebAssembly as text, are written anew.
 */
import { readFile, writeFile } from 'node:fs/promises';

const LONG = /__wbg_(\w+?)_[0-9a-f]{16}/g;

const names = new Map();
const taken = new Set();

function short(long, stem) {
  if (!names.has(long)) {
    let name = stem;
    for (let i = 2; taken.has(name); i++) {
      name = `${stem}${i}`;
    }
    taken.add(name);
    names.set(long, name);
  }
  return names.get(long);
}

for (const file of process.argv.slice(2)) {
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(LONG, short));
}
