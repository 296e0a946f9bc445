/** The process of `npm start`: web and worker. */
import { startProcess } from './start-process.js';

await startProcess({ web: true, worker: true });
