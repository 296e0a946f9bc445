import { isDead, newOwner } from '../queue/owner.js';
import type { Database } from './database.js';
import { Lease } from './entities/index.js';

const LEASE_MS = 15 * 60_000;

/** Sees to it that of all processes one at a time does a task, and remembers how far it came. */
export class LeaseStore {
  private readonly me = newOwner();

  constructor(private readonly database: Database) {}

  /**
   * Takes a task for 15 minutes, or prolongs that.
   * @param pauseMs how long nobody may have ended it
   * @returns false where another process is at it, or was a moment ago
   */
  async take(name: string, pauseMs = 0): Promise<boolean> {
    const { nowMs } = this.database;
    return this.database.write(async (tx) => {
      await tx.createQueryBuilder().insert().into(Lease).values({ name }).orIgnore().execute();
      const { owner } = await tx.findOneByOrFail(Lease, { name });
      const dead = owner !== null && isDead(owner);
      const { affected } = await tx
        .createQueryBuilder()
        .update(Lease)
        .set({ owner: this.me, leaseUntil: () => `${nowMs} + ${LEASE_MS}` })
        .where('name = :name', { name })
        .andWhere(dead ? 'owner = :owner' : `(owner IS NULL OR owner = :me OR lease_until < ${nowMs})`, {
          owner,
          me: this.me,
        })
        .andWhere(`(owner = :me OR ended_at IS NULL OR ended_at <= ${nowMs} - ${Math.floor(pauseMs)})`)
        .execute();
      return affected === 1;
    });
  }

  /** Gives a task back, done. */
  async end(name: string): Promise<void> {
    await this.database.writeOne((tx) =>
      tx
        .createQueryBuilder()
        .update(Lease)
        .set({ owner: null, leaseUntil: null, endedAt: () => this.database.nowMs })
        .where('name = :name AND owner = :me', { name, me: this.me })
        .execute(),
    );
  }

  async mark(name: string): Promise<string | null> {
    return (await this.database.read.findOneBy(Lease, { name }))?.mark ?? null;
  }

  async setMark(name: string, mark: string): Promise<void> {
    await this.database.write(async (tx) => {
      await tx.createQueryBuilder().insert().into(Lease).values({ name }).orIgnore().execute();
      await tx.update(Lease, { name }, { mark });
    });
  }
}
