import { InitialSchema1700000000000 } from './1700000000000-initial-schema.js';

/** In the order they run. */
export const migrations = [InitialSchema1700000000000];
