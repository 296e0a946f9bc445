import { constants } from 'node:os';
import type { ScriptExit } from './contract.js';

/** The signal that a shell's exit code stands for (128 + n), if any. */
export function signalOf(code: number): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return found ? (found[0] as NodeJS.Signals) : null;
}

/** 0 for a name that this system doesn't have. */
export function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : (constants.signals[signal] ?? 0);
}

/** The exit of a script from the code that its shell reports. */
export function scriptExit(code: number): ScriptExit {
  return { code, signal: signalOf(code) };
}
