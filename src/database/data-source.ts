import 'reflect-metadata';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { SnakeCaseNaming } from './columns.js';
import { entities } from './entities/index.js';
import { bindNumbers, keepingDriver } from './kept-statements.js';
import { migrations } from './migrations/index.js';

const common = {
  entities,
  migrations,
  namingStrategy: new SnakeCaseNaming(),
  migrationsTableName: 'migrations',
  logging: false as const,
};

/**
 * All that we ask for is a few rows in the order of an index. PostgreSQL guesses how many rows there are, badly until
 * a table was analysed: after many were stored at once it would collect and sort all rows of a project for one page.
 * So bitmaps, which lose the order, are off, and a row by an index costs what it costs on a disk without heads.
 */
const PLANNING = '-c enable_bitmapscan=off -c random_page_cost=1.1';

/** PostgreSQL where a URL is given, otherwise SQLite in the data directory, which is made where missing. */
function dataSourceOptions(where: { databaseUrl: string | null; dataDir: string }): DataSourceOptions {
  if (where.databaseUrl)
    return {
      ...common,
      type: 'postgres',
      url: where.databaseUrl,
      connectTimeoutMS: 5_000,
      extra: {
        // Ours is the only timeout: a statement that takes this long has met a lock or a lost connection.
        statement_timeout: 30_000,
        max: 10,
        options: PLANNING,
      },
    };
  mkdirSync(where.dataDir, { recursive: true, mode: 0o700 });
  const database = join(where.dataDir, 'codegenapp.sqlite');
  // SQLite would make it readable for everyone, and its journal files take after it.
  closeSync(openSync(database, 'a', 0o600));
  return {
    ...common,
    type: 'sqlite',
    driver: keepingDriver(),
    database,
    enableWAL: true,
    busyTimeout: 5_000,
  };
}

export function createDataSource(where: { databaseUrl: string | null; dataDir: string }): DataSource {
  const source = new DataSource(dataSourceOptions(where));
  if (source.options.type === 'sqlite') bindNumbers(source);
  return source;
}
