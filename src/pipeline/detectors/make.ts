import { firstOf, type Detector } from './detector.js';

/** A Makefile with a target named test or check; build is run first where there is one. */
export const detectMake: Detector = async (files) => {
  // In the order in which GNU make looks for them.
  const from = firstOf(files, 'GNUmakefile', 'makefile', 'Makefile');
  const makefile = from === null ? null : await files.read(from);
  if (from === null || makefile === null) return null;
  const hasTarget = (name: string) =>
    new RegExp(`^(?:[\\w.-]+ +)*${name}(?: +[\\w.-]+)* *::?(?![:=])`, 'm').test(makefile);
  const test = ['test', 'check'].find(hasTarget);
  if (test === undefined) return null;
  return { from, setup: hasTarget('build') ? ['make build'] : [], deploy: [], test: [`make ${test}`] };
};
