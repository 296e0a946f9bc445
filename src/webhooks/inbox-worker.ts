/** The thread in which deliveries are read and stored; see InboxThread. */
import { parentPort, workerData } from 'node:worker_threads';
import { Problem } from '../api/problem.js';
import { eventTable, type DatabasePlace } from './event-tables.js';
import type { Answer, Report, Request } from './inbox-protocol.js';
import { InboxWriter } from './inbox-writer.js';

const server = parentPort!;
let settleSchema!: (error: Error | null) => void;
const schema = new Promise<void>((resolve, reject) => {
  settleSchema = (error) => (error ? reject(error) : resolve());
});
const inbox = new InboxWriter(await eventTable(workerData as DatabasePlace), schema);
inbox.onQueued = () => tell('queued');

server.on('message', (request: Request) => {
  if (request === 'close') void inbox.close().finally(() => setImmediate(() => server.close()));
  else if ('schema' in request) settleSchema(request.schema.error);
  else {
    const { n, delivery } = request.store;
    inbox.store(delivery).then(
      (stored) => tell({ n, stored }),
      (error: Error) => tell(failure(n, error)),
    );
  }
});

function tell(report: Report): void {
  server.postMessage(report);
}

function failure(n: number, error: Error): Answer {
  if (!(error instanceof Problem)) return { n, failed: error };
  const { status, title, detail } = error;
  return { n, refused: { status, title, detail } };
}
