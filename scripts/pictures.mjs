// Takes the pictures of the documentation: two people in one notebook of the demo site, each in a
// browser of their own, with the real signaling server between them. `make pictures` runs this.
//
//   SITE_DIR=… SIGNALING_BIN=… node scripts/pictures.mjs [FOLDER]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, person, serve } from '../tests/e2e/site.mjs';

const FOLDER = process.argv[2] ?? 'docs/pictures';
// Wide enough for the top bar with the Share button.
const SIZE = { width: 776, height: 480 };
const PATH = 'poem.ipynb';

const PEOPLE = [
  { name: 'Ada', colour: 'e53935' },
  { name: 'Grace', colour: '1e88e5' }
];

const NOTEBOOK = {
  cells: [
    {
      cell_type: 'markdown',
      id: 'title',
      metadata: {},
      source: '# A poem, written by two'
    },
    {
      cell_type: 'code',
      id: 'poem',
      metadata: {},
      source: 'const poem = `\nThe keyboard clicks, two windows glow,\n',
      execution_count: null,
      outputs: []
    }
  ],
  metadata: {
    kernelspec: {
      display_name: 'JavaScript',
      language: 'javascript',
      name: 'javascript'
    },
    language_info: { name: 'javascript' }
  },
  nbformat: 4,
  nbformat_minor: 5
};

const LINES = [
  'one here, and one far off, who know\n',
  'that every letter either lends\n',
  'is there when the other window ends`;\n\npoem.trim().split(/\\s+/).length + " words by two people"'
];

/** How a theme is called, and what is behind the windows. */
const THEMES = [
  { file: 'two-windows.png', theme: 'JupyterLab Light', paper: '#eef1f5' },
  { file: 'two-windows-dark.png', theme: 'JupyterLab Dark', paper: '#0b0d10' }
];

const server = await serve();
const browser = await launch();
try {
  mkdirSync(FOLDER, { recursive: true });
  for (const { file, theme, paper } of THEMES) {
    const windows = await photograph(theme);
    await compose(windows, paper, join(FOLDER, file));
    console.log(join(FOLDER, file));
  }
} finally {
  await browser.close();
  await server.stop();
}

/** Two people write, one runs a cell; then a picture of each one's window. */
async function photograph(theme) {
  const settings = { '@jupyterlab/apputils-extension:themes': { theme } };
  const room = `pictures-${theme.length}-${Date.now()}`;
  const people = [];
  for (const { name, colour } of PEOPLE) {
    const files = people.length === 0 ? { [PATH]: NOTEBOOK } : undefined;
    const one = await person(browser, {
      site: server.url,
      name,
      settings,
      files
    });
    await one.page.setViewportSize(SIZE);
    const query = { usercolor: colour };
    await one.open(PATH, { app: 'notebooks', room, query });
    people.push(one);
  }
  const [ada, grace] = people;
  await Promise.all(people.map(one => one.meets(1)));
  await ada.type(PATH, LINES[0], 1);
  await grace.sees(PATH, LINES[0]);
  await grace.type(PATH, LINES[1], 1);
  await ada.sees(PATH, LINES[1]);
  await ada.type(PATH, LINES[2], 1);
  await grace.sees(PATH, LINES[2]);
  await run(ada, 1);
  await seesOutput(grace, 1);
  // Both end in the same cell: Ada after her first line, Grace at the end.
  await grace.enter(PATH, 1);
  await ada.enter(PATH, 1);
  for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'End']) {
    await ada.page.keyboard.press(key);
  }
  await Promise.all([seesCursor(ada, 'Grace'), seesCursor(grace, 'Ada')]);
  const shots = await Promise.all(people.map(one => shoot(one)));
  await Promise.all(people.map(one => one.close()));
  return shots.map((shot, i) => ({ shot, name: PEOPLE[i].name }));
}

async function run(one, cell) {
  await one.enter(PATH, cell);
  await one.page.keyboard.press('Control+Enter');
  await one.until(
    PATH,
    (_, model, cell) => model.cells[cell].execution_count !== null,
    cell
  );
}

function seesOutput(one, cell) {
  return one.until(
    PATH,
    (_, model, cell) => model.cells[cell].getOutputs().length > 0,
    cell
  );
}

/** Wait for the other's cursor with its name, which is to stay: it fades after a moment of rest. */
async function seesCursor(one, name) {
  await one.page.addStyleTag({
    content: '.jp-remote-userFlag.jp-mod-idle { opacity: 1 !important }'
  });
  const flag = one.page.locator('.jp-remote-userFlag-name', { hasText: name });
  await flag.first().waitFor();
}

async function shoot(one) {
  await one.page.evaluate(() => document.fonts.ready);
  return one.page.screenshot({ caret: 'initial' });
}

/** Both windows beside each other, as one picture. */
async function compose(windows, paper, file) {
  const context = await browser.newContext({
    viewport: { width: SIZE.width * 2 + 72, height: SIZE.height + 80 }
  });
  const page = await context.newPage();
  const figures = windows.map(
    ({ shot, name }) => `<figure>
      <figcaption><i></i><i></i><i></i><span>${name}’s window</span></figcaption>
      <img src="data:image/png;base64,${shot.toString('base64')}" width="${SIZE.width}" height="${SIZE.height}">
    </figure>`
  );
  await page.setContent(`<style>
    body { margin: 0; padding: 24px; display: flex; gap: 24px; background: ${paper};
      font: 13px system-ui, sans-serif }
    figure { margin: 0; border-radius: 8px; overflow: hidden; box-shadow: 0 2px 14px #0005 }
    figcaption { display: flex; gap: 7px; align-items: center; padding: 9px 12px;
      background: #3b4252; color: #e5e9f0 }
    i { width: 11px; height: 11px; border-radius: 50%; background: #7b88a1 }
    span { margin-left: 8px }
    img { display: block }
  </style>${figures.join('')}`);
  await page.locator('body').screenshot({ path: file });
  await context.close();
}
