import { hostname } from 'node:os';
import { newId } from '../domain/ids.js';

const ofThisProcess = new Set<string>();

/** A name for a holder of locks and leases, from which another process of this machine can tell that it died. */
export function newOwner(): string {
  const owner = `${hostname().slice(0, 60)}:${process.pid}:${newId()}`;
  ofThisProcess.add(owner);
  return owner;
}

/**
 * Whether an owner was a process of this machine that is gone: what it held is free at once. Of other machines
 * only the end of a lock tells.
 */
export function isDead(owner: string): boolean {
  const [host, pid] = owner.split(':');
  if (host !== hostname().slice(0, 60)) return false;
  if (Number(pid) === process.pid) return !ofThisProcess.has(owner);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
