import {
  isReused,
  listProcesses,
  sendSignal,
  type ProcessEntry,
  untilGone,
  wasStartedWith,
} from './processes.js';
import { MARK } from './watchdog.js';

/** For this long a process that may be becoming another program is looked at again. */
const UNCERTAIN_MS = 300;

/**
 * Ends all processes that were started with a mark, and the session and group of `leader` with its descendants, until
 * none is left. Elsewhere than on Linux nothing is known of them.
 * @param mark the value of MARK
 * @throws SandboxError where one does not end
 */
export async function killAll(mark: string, leader?: ProcessEntry): Promise<void> {
  if (process.platform !== 'linux') return;
  const certainAt = performance.now() + UNCERTAIN_MS;
  await untilGone('A process of the script', () => {
    const all = listProcesses();
    // If it is reused, its session and group are gone.
    const ours = new Set(!leader || isReused(leader.pid, leader.startTime) ? [] : [leader.pid]);
    let uncertain = false;
    const found = all.filter(({ pid, session, group, startTime }) => {
      if (ours.has(session) || ours.has(group)) return true;
      if (leader && Number(startTime) < Number(leader.startTime)) return false;
      const isMarked = wasStartedWith(pid, `${MARK}=${mark}`);
      uncertain ||= isMarked === undefined;
      return isMarked === true;
    });
    for (const { pid } of found) ours.add(pid);
    // Children may be listed before their parents: repeat until no further descendant is found.
    for (let size = -1; size !== found.length;) {
      size = found.length;
      for (const entry of all) {
        if (!ours.has(entry.pid) && ours.has(entry.parent)) {
          ours.add(entry.pid);
          found.push(entry);
        }
      }
    }
    // Stopped ones can't fork while the others are being ended.
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      for (const { pid } of found) sendSignal(pid, signal);
    }
    return found.length === 0 && !(uncertain && performance.now() < certainAt);
  });
}
