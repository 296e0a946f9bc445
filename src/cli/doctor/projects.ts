/** The projects that are stored. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { IsNull } from 'typeorm';
import { createDataSource } from '../../database/data-source.js';
import { Project } from '../../database/entities/index.js';
import { ok, warn, type Check } from './contract.js';

const NAMED = 5;

export const projects: Check = {
  name: 'Projects',
  async run({ databaseUrl, dataDir, github }) {
    if (!databaseUrl && !existsSync(join(dataDir, 'codegenapp.sqlite'))) return [];
    const source = createDataSource({ databaseUrl, dataDir });
    try {
      await source.initialize();
      if (await source.showMigrations()) return [];
      const where = { installationId: IsNull(), removedAt: IsNull() };
      const [rows, count] = await source.manager.findAndCount(Project, {
        where,
        order: { id: 'DESC' },
        take: NAMED,
      });
      if (count === 0) return [ok('The App is installed on the repository of each.')];
      const names = rows.map(({ fullName }) => fullName).join(', ') + (count > NAMED ? ', …' : '');
      return github.token
        ? [ok(`The App is not installed on ${count} (${names}): GITHUB_TOKEN serves those.`)]
        : [
            warn(
              `The App is not installed on ${count}: ${names}. Nothing of them is validated.`,
              'Install it on these repositories, or set GITHUB_TOKEN.',
            ),
          ];
    } catch {
      // What is wrong with the database has a check of its own.
      return [];
    } finally {
      if (source.isInitialized) await source.destroy();
    }
  },
};
