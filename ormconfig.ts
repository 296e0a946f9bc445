// For the TypeORM command line; the data source itself is defined in src/database.
import { createDataSource } from './src/database/data-source.js';

export default createDataSource({
  databaseUrl: process.env['DATABASE_URL'] || null,
  dataDir: process.env['DATA_DIR'] || './data',
});
