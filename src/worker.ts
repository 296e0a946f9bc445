/** The worker alone: takes events and pipelines from the database, serves nothing. */
import { startProcess } from './start-process.js';

await startProcess({ web: false, worker: true });
