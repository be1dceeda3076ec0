// Serves the demo site and signaling on one port, and prints where to go.
import { spawn } from 'node:child_process';

const port = process.argv[2] ?? '8000';
const server = spawn(
  'target/release/jupyterlite-webrtc-signaling',
  ['--port', port, '--site', 'demo/_output', '--log', 'warn'],
  { stdio: ['ignore', 'pipe', 'pipe'] }
);

server.stdout.once('data', () => {
  const link = (app, path) =>
    `http://localhost:${port}/${app}/index.html?path=${path}&room=demo`;
  console.log(`
  Open this link in two windows, and type in one of them:

    ${link('lab', 'welcome.ipynb')}

  One document alone, without the rest of JupyterLab:

    ${link('notebooks', 'welcome.ipynb')}
    ${link('edit', 'shopping-list.txt')}

  Or work alone, and press Share:

    http://localhost:${port}/lab/index.html?path=plot.ipynb

  Press Ctrl+C to stop.
`);
});

server.stderr.on('data', text => {
  process.stderr.write(text);
  if (/cannot listen/.test(text)) {
    console.error(`Choose another port: PORT=${Number(port) + 1} make demo`);
  }
});

server.on('exit', (code, signal) => {
  process.exitCode = signal ? 0 : (code ?? 1);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => server.kill(signal));
}
