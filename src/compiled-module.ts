import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperationalError } from './domain/errors.js';

/**
 * The file of a module of ours, to be run by a process of its own.
 * @param name within dist/, where this lies too unless it runs from the TypeScript sources
 * @throws OperationalError where it isn't there
 */
export function compiledModule(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [here, join(here, '../dist')]
    .map((root) => join(root, name))
    .find((file) => existsSync(file));
  if (found) return found;
  throw new OperationalError(`dist/${name} is missing.`, { advice: 'Run `npm run build`.' });
}
