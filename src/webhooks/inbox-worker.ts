/** The thread that stores deliveries: parsing and the database's work don't hold up the one that serves. */
import { parentPort, workerData } from 'node:worker_threads';
import { Problem } from '../api/problem.js';
import { messageOf } from '../domain/errors.js';
import { eventTable, type DatabasePlace } from './event-tables.js';
import type { Answer, Asked, Said } from './inbox-thread.js';
import { InboxWriter } from './inbox-writer.js';
import type { Delivery, Stored } from './inbox.js';

const port = parentPort!;
const table = await eventTable(workerData as DatabasePlace);
const inbox = new InboxWriter(table);

let answers: Answer[] = [];

function answer(one: Answer): void {
  if (answers.length === 0)
    setImmediate(() => {
      port.postMessage(answers);
      answers = [];
    });
  answers.push(one);
}

let migrate: () => void;
const migrated = new Promise<void>((resolve) => (migrate = resolve));

port.on('message', (said: Said) => {
  if (said === 'migrated') migrate();
  else if (said === 'close') void inbox.close().finally(() => port.close());
  else said.forEach((asked) => void store(asked));
});
port.postMessage('ready');

async function store({ n, delivery }: Asked): Promise<void> {
  try {
    answer({ n, stored: await inbox.store(delivery).catch((error: unknown) => retry(error, delivery)) });
  } catch (error) {
    if (error instanceof Problem) {
      const { status, title, detail } = error;
      answer({ n, problem: { status, title, detail } });
    } else answer({ n, failure: messageOf(error) });
  }
}

/** On the first start of all, or of a new version, the schema comes a moment later. */
async function retry(error: unknown, delivery: Delivery): Promise<Stored> {
  if (!table.isSchemaMissing(error)) throw error;
  await migrated;
  return inbox.store(delivery);
}
