/** What hostile stories look at: everything that leaves, whatever is left, and whether the server still answers. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeRepository } from './fake-github/index.js';
import type { Story } from './story.js';

/** Everything that people see on GitHub of a repository, as one text. */
export function shownOnGitHub(repository: FakeRepository): string {
  const comments = repository.pullRequests.map((pull) => pull.comments());
  return JSON.stringify(
    [repository.checkRuns().map(({ ...run }) => ({ ...run, suite: null })), comments],
    (key, value) =>
      ['repository', 'world', 'app', 'author', 'user', 'issue'].includes(key)
        ? undefined
        : (value as unknown),
  );
}

/** The bytes of every file below a folder, one character each. */
export function contentsOf(folder: string): string {
  if (!existsSync(folder)) return '';
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}

/** The database's own files. */
export function databaseOf({ dataDir }: Story): string {
  return readdirSync(dataDir)
    .filter((name) => name.includes('sqlite') || name.includes('.db'))
    .map((name) => readFileSync(join(dataDir, name), 'latin1'))
    .join('\n');
}

export interface Pulse {
  /** Ends the asking; answers when each answer was asked for and came, in ms. @throws where one did not come */
  stop(): Promise<{ asked: number; answered: number }[]>;
}

/** Asks /health again and again, each time as soon as the last answer is there. */
export function feelPulse(story: Story): Pulse {
  const stopped = new AbortController();
  const answers: { asked: number; answered: number }[] = [];
  const asking = (async () => {
    while (!stopped.signal.aborted) {
      const asked = Date.now();
      const answer = await fetch(`${story.url}/health`, { signal: AbortSignal.timeout(10_000) });
      await answer.text();
      if (answer.status !== 200) throw new Error(`/health answered ${answer.status}`);
      answers.push({ asked, answered: Date.now() });
      await sleep(25);
    }
  })();
  asking.catch(() => undefined);
  return {
    async stop() {
      stopped.abort();
      await asking;
      return answers;
    },
  };
}
