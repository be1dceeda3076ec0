// Lays out the folder that the tests' site is built from: the demo's, with the application exposed to
// the page (`window.jupyterapp`) and with the tests' own files added, if there are any.
import {
  cpSync,
  existsSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { join } from 'node:path';

const target = process.argv[2];
rmSync(target, { recursive: true, force: true });
cpSync('demo/content', join(target, 'content'), { recursive: true });
if (existsSync('tests/e2e/content')) {
  cpSync('tests/e2e/content', join(target, 'content'), { recursive: true });
}

const config = JSON.parse(readFileSync('demo/jupyter-lite.json', 'utf8'));
config['jupyter-config-data'].exposeAppInBrowser = true;
writeFileSync(
  join(target, 'jupyter-lite.json'),
  JSON.stringify(config, null, 2)
);
