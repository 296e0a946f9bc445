/** The thread that stores deliveries: parsing and the database's work don't hold up the one that serves. */
import { parentPort, workerData } from 'node:worker_threads';
import { Problem } from '../api/problem.js';
import { messageOf } from '../domain/errors.js';
import { eventTable, type DatabasePlace } from './event-tables.js';
import type { Answer, Asked } from './inbox-thread.js';
import { InboxWriter } from './inbox-writer.js';

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

port.postMessage('ready');
port.on('message', (asked: Asked[] | 'close') => {
  if (asked === 'close') {
    void inbox.close().finally(() => port.close());
    return;
  }
  for (const { n, delivery } of asked)
    inbox.store(delivery).then(
      (stored) => answer({ n, stored }),
      (error: unknown) => answer({ n, ...refusal(error) }),
    );
});

function refusal(error: unknown): Omit<Answer, 'n'> {
  if (error instanceof Problem) {
    const { status, title, detail } = error;
    return { problem: { status, title, detail } };
  }
  return { failure: { message: messageOf(error), isSchemaMissing: table.isSchemaMissing(error) } };
}
