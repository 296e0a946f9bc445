import type { Mutex } from 'async-mutex';

/** What is stored is answered then, so it goes before all that waits to be written. */
const FIRST = 1;
/** Afterwards others may write. */
const MOST = 8;

interface Held {
  release: Promise<() => void>;
  underWay: number;
  /** How many more may join. */
  left: number;
}

/**
 * A turn to write that is held for what overlaps: the driver then begins with one statement as soon as it has ended
 * the one before, and not when this thread comes to hear of that.
 */
export class SharedTurn {
  private held: Held | null = null;

  constructor(private readonly turn: Mutex) {}

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const held = this.join();
    const release = await held.release;
    try {
      return await work();
    } finally {
      if (--held.underWay === 0) {
        if (this.held === held) this.held = null;
        release();
      }
    }
  }

  private join(): Held {
    if (this.held && this.held.left > 0) {
      this.held.left--;
      this.held.underWay++;
      return this.held;
    }
    // Who follows a turn that was shared by many goes behind those who have waited for its end.
    const release = this.turn.acquire(this.held ? 0 : FIRST);
    return (this.held = { release, underWay: 1, left: MOST - 1 });
  }
}
