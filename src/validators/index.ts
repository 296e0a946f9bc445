import type { Validator } from './contract.js';
import { health } from './health.js';

/** THE list of validators, in the order they look. */
export function validators(): Validator[] {
  return [health];
}
