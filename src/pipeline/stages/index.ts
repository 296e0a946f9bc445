import type { Stage } from '../stage.js';
import { clone } from './clone.js';
import { deploy } from './deploy.js';
import { report } from './report.js';
import { setup } from './setup.js';
import { test } from './test.js';
import { validate } from './validate.js';

/** THE list, in the order they run. */
export const stages: readonly Stage[] = [clone, setup, deploy, validate, test, report];
