import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Later may import earlier, and its own row; the README has the picture. */
const LAYERS = [
  ['domain'],
  ['compiled-module.ts', 'made-once.ts'],
  [
    'spawner',
    'sandbox',
    'git',
    'queue',
    'reports',
    'database',
    'storage',
    'github',
    'agent',
    'logging.ts',
    'config.ts',
    'version.ts',
    'data-dir.ts',
    'secrets.ts',
    'small-heap.ts',
  ],
  ['validators', 'pipeline'],
  ['commands'],
  ['webhooks', 'api', 'web', 'index.ts'],
  [
    'http.ts',
    'disk.ts',
    'metrics.ts',
    'access-log.ts',
    'webhook-proxy.ts',
    'lambda-event.ts',
    'lambda-serve.ts',
  ],
  ['front.ts'],
  ['app'],
  ['app.ts', 'setup-mode.ts'],
  ['start-process.ts', 'lambda.ts', 'cli'],
  ['server.ts', 'worker.ts', 'cli.ts'],
];
const layerOf = (file: string) => LAYERS.findIndex((layer) => layer.includes(file.split('/')[0]!));

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const importsOf = new Map(
  files.map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    // Types vanish when compiled, so they make no cycle; the arrows hold for them too.
    const found = [
      ...text.matchAll(/^(?:import|export)\s+(type\s)?[^'";]*?from\s+'(\.[^']+)';|import\('(\.[^']+)'\)/gm),
    ];
    return [
      file,
      found.map(([, type, fixed, lazy]) => ({
        isType: type !== undefined || lazy !== undefined,
        target: normalize(join(dirname(file), (fixed ?? lazy)!)).replace(/\.js$/, '.ts'),
      })),
    ];
  }),
);

describe('imports', () => {
  it('are found, and know every folder', () => {
    expect([...importsOf.values()].flat().length).toBeGreaterThan(files.length);
    expect(files.filter((file) => layerOf(file) === -1)).toEqual([]);
  });

  it('point one way', () => {
    const wrong = [...importsOf].flatMap(([file, imports]) =>
      imports
        .filter(({ target }) => layerOf(target) > layerOf(file))
        .map(({ target }) => `${file} imports ${relative('.', target)}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of what takes webhooks name no framework: the first one comes soon after a start', () => {
    const loaded = new Set<string>();
    const load = (file: string) => {
      if (loaded.has(file)) return;
      loaded.add(file);
      for (const { target, isType } of importsOf.get(file)!) if (!isType) load(target);
    };
    load('server.ts');
    const packages = [...loaded].flatMap((file) =>
      [
        ...readFileSync(join(SRC, file), 'utf8').matchAll(
          /^import (?!type )[^;]*?from '((?!node:|\.)[^']+)';/gm,
        ),
      ].map(([, name]) => name),
    );
    expect([...new Set(packages)].sort()).toEqual(['pino']);
  });

  it('make no cycle', () => {
    const done = new Set<string>();
    const visit = (file: string, path: string[]): string[] | null => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return null;
      for (const { target, isType } of importsOf.get(file) ?? []) {
        const cycle = isType ? null : visit(target, [...path, file]);
        if (cycle) return cycle;
      }
      done.add(file);
      return null;
    };
    expect(files.map((file) => visit(file, [])).filter(Boolean)).toEqual([]);
  });
});
