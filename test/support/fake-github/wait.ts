import type { World } from './world.js';

export interface WaitOptions {
  timeoutMs?: number;
  /** What is awaited, for the message. */
  what?: string;
}

/** Waits for a condition on the world, which is looked at again after each change. */
export async function waitFor<T>(
  world: World,
  condition: () => T | Promise<T>,
  { timeoutMs = 30_000, what = 'the condition' }: WaitOptions,
  describe: () => string,
): Promise<T> {
  let wake = () => {};
  let changed = false;
  const stopListening = world.onChange(() => {
    changed = true;
    wake();
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    wake();
  }, timeoutMs);
  try {
    for (;;) {
      changed = false;
      const value = await condition();
      if (value) return value;
      if (late) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.\n\n${describe()}`);
      // A change during the look counts: look again at once.
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}
