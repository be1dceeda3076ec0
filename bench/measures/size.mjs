/**
 * What a person downloads, compressed: the extension's own files, and the api alone beside y-webrtc.
 * Yjs is in neither, as JupyterLab has it already.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ratio } from '../lib/figures.mjs';

const STATIC = 'python/jupyterlite_webrtc/labextension/static';
const WASM = 'pkg/jupyterlite_webrtc_bg.wasm';
const LICENCES = 'third-party-licenses.json';
const LIMIT = 250_000;

const gzip = bytes => gzipSync(bytes, { level: 9 }).length;
const kilobytes = bytes => `${(bytes / 1000).toFixed(1)} KB`;

export async function size() {
  const theirs = gzip(await bundle('y-webrtc'));
  const parts = await extension();
  const all = parts.reduce((sum, part) => sum + part.size, 0);
  const of = ending =>
    parts
      .filter(part => part.name.endsWith(ending))
      .reduce((sum, part) => sum + part.size, 0);
  const api = gzip(await bundle('./js-shim/api/index.ts'));
  const engine = gzip(await readFile(WASM));
  return [
    {
      measure: 'extension, gzipped',
      ours: kilobytes(all),
      'y-webrtc': kilobytes(theirs),
      'to y-webrtc': ratio(all, theirs),
      target: `≤ ${LIMIT / 1000} KB`,
      met: all <= LIMIT
    },
    { measure: '— WebAssembly', ours: kilobytes(of('.wasm')) },
    { measure: '— JavaScript', ours: kilobytes(of('.js')) },
    ...parts.map(({ name, size }) => ({
      measure: `—— ${name.replace(/\.[0-9a-f]{16}/, '')}`,
      ours: kilobytes(size)
    })),
    {
      measure: 'api alone, gzipped',
      ours: `${kilobytes(api + engine)}, of it JavaScript ${kilobytes(api)}`,
      'y-webrtc': kilobytes(theirs),
      'to y-webrtc': ratio(api + engine, theirs)
    }
  ];
}

async function extension() {
  const names = await readdir(STATIC);
  const parts = names
    .filter(name => name !== LICENCES)
    .map(async name => ({
      name,
      size: gzip(await readFile(join(STATIC, name)))
    }));
  return (await Promise.all(parts)).sort((a, b) => b.size - a.size);
}

async function bundle(entry) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${entry}'`, resolveDir: '.' },
    bundle: true,
    external: ['yjs'],
    format: 'esm',
    minify: true,
    target: 'es2022',
    write: false
  });
  return outputFiles[0].contents;
}
