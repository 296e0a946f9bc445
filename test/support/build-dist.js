import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * Jest's global setup: compiles src/ to dist/ when a source is newer than what was compiled from it. Tests run
 * the TypeScript sources, but a process that those start needs the compiled files. Type errors are the type
 * check's to report; here they stop nothing.
 */
export default function buildDist() {
  const root = join(import.meta.dirname, '../..');
  const sources = readdirSync(join(root, 'src'), { recursive: true }).filter((file) => file.endsWith('.ts'));
  const stale = sources.some((file) => {
    const compiled = statSync(join(root, 'dist', file.replace(/\.ts$/, '.js')), { throwIfNoEntry: false });
    return !compiled || compiled.mtimeMs < statSync(join(root, 'src', file)).mtimeMs;
  });
  if (!stale) return;
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  for (const project of ['tsconfig.build.json', 'src/web/client']) {
    const { error } = spawnSync(process.execPath, [tsc, '-p', join(root, project)], { stdio: 'ignore' });
    if (error) throw error;
  }
}
