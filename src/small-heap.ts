/**
 * Imported before anything else by server processes: while their modules are loaded, which makes a lot of garbage
 * once, the heap is kept small rather than quick to grow. It would not shrink again by itself, and what is resident
 * is a quarter less (see `npm run bench`).
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--optimize-for-size');

/** To be called when all is loaded: work to do is worth the memory. */
export const heapMayGrow = (): void => setFlagsFromString('--no-optimize-for-size');
