/** The table, as text that is Markdown too. */
import { cpus, totalmem } from 'node:os';

const COLUMNS = [
  'measure',
  'ours',
  'y-webrtc',
  'bare',
  'to y-webrtc',
  'to bare',
  'target'
];

const HEADINGS = {
  'y-webrtc': 'y-webrtc 10.3.0',
  bare: 'bare channel',
  'to y-webrtc': 'ours ÷ y-webrtc',
  'to bare': 'ours ÷ bare'
};

export function report(rows, { browser }) {
  const date = new Date().toISOString().slice(0, 16).replace('T', ' ');
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `# Benchmark

${date} UTC, Chromium ${browser}, ${cpus().length} cores (${cpus()[0].model.trim()}), ${gigabytes} GB.

${table(rows)}

How to read it: times are medians with the least and the most of all runs in parentheses (or with
the 95th percentile and the maximum), so lower is better; throughput is in MB/s, so higher is; all pages and
the signaling server share this one machine, so compare columns of one run and not figures of two.
`;
}

function table(rows) {
  const cells = rows.map(row => COLUMNS.map(column => cell(row, column)));
  const head = COLUMNS.map(column => HEADINGS[column] ?? column);
  const widths = head.map((_, i) =>
    Math.max(...[head, ...cells].map(line => [...line[i]].length))
  );
  const line = texts =>
    `| ${texts.map((text, i) => text + ' '.repeat(widths[i] - [...text].length)).join(' | ')} |`;
  const rule = widths.map(width => '-'.repeat(width));
  return [head, rule, ...cells].map(line).join('\n');
}

function cell(row, column) {
  const text = row[column] ?? '';
  if (column !== 'target' || row.met === undefined) {
    return text;
  }
  return `${text}: ${row.met ? 'yes' : 'NO'}`;
}
