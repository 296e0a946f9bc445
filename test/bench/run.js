/** `npm run bench [-- PATTERN]`: takes the figures, prints them as a table, and writes them to bench.json. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
const file = join(folder, 'figures');
const began = Date.now();
const root = join(import.meta.dirname, '../..');
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--no-warnings',
    join(root, 'node_modules/jest/bin/jest.js'),
    ...[
      '--config',
      join(root, 'test/bench/jest.config.js'),
      '--runInBand',
      '--forceExit',
      ...process.argv.slice(2),
    ],
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, BENCH_FIGURES: file } },
);
const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
rmSync(folder, { recursive: true });

const figures = lines.filter(Boolean).map((line) => JSON.parse(line));
const machine = {
  cpu: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
  memoryGb: Math.round(totalmem() / 1e9),
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  seconds: Math.round((Date.now() - began) / 1000),
};
writeFileSync(join(root, 'bench.json'), `${JSON.stringify({ machine, figures }, null, 2)}\n`);

const keeps = ({ ratio, bound }) => ('least' in bound ? ratio >= bound.least : ratio <= bound.most);
const number = (value) =>
  value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3);
const rows = figures.map((figure) => [
  figure.name,
  `${number(figure.ours)} ${figure.unit}`,
  `${number(figure.reference)} ${figure.unit}`,
  figure.ratio.toFixed(figure.ratio < 0.1 ? 3 : 2),
  'least' in figure.bound ? `≥ ${figure.bound.least}` : `≤ ${figure.bound.most}`,
  keeps(figure) ? 'kept' : 'MISSED',
  figure.note ?? '',
]);
const table = [['figure', 'ours', 'reference', 'ratio', 'bound', '', 'note'], ...rows];
const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
const [head, ...body] = table;
process.stdout.write(
  `\n${[line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')}\n\n`,
);
process.stdout.write(
  `${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}; ${machine.seconds} s; also in bench.json\n`,
);
process.exitCode = status ?? 1;
