import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Problem } from '../../src/api/problem.js';
import { Database } from '../../src/database/database.js';
import { Job, Project, WebhookEvent } from '../../src/database/entities/index.js';
import { newId } from '../../src/domain/ids.js';
import { JOBS_CHANNEL } from '../../src/queue/job-rows.js';
import { eventTable } from '../../src/webhooks/event-tables.js';
import { InboxThread } from '../../src/webhooks/inbox-thread.js';
import { InboxWriter } from '../../src/webhooks/inbox-writer.js';
import type { Delivery, Inbox } from '../../src/webhooks/inbox.js';
import { ServerInbox } from '../../src/webhooks/server-inbox.js';
import {
  migratedDatabase,
  onEachDatabase,
  onPostgres,
  onSqlite,
  type Place,
  type TestDatabases,
} from '../support/databases.js';
import { projectRow } from '../support/pipeline-rows.js';
import { until } from '../support/story.js';

const opened = (number: number, repository = { id: 7, full_name: 'acme/web' }) => ({
  action: 'opened',
  number,
  pull_request: { number, title: 'naïve ☃' },
  repository,
});
const delivery = (payload: unknown, other: Partial<Delivery> = {}): Delivery => ({
  deliveryId: newId(),
  event: 'pull_request',
  body: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
  ...other,
});

const KINDS: [kind: string, make: (place: Place, migrated?: Promise<unknown>) => Promise<Inbox>][] = [
  ['of a server', (place, migrated) => ServerInbox.of(place, migrated)],
  ['in a thread of its own', async (place, migrated) => new InboxThread(place, migrated)],
  ['in this thread', async (place, migrated) => new InboxWriter(await eventTable(place), migrated)],
];

onEachDatabase('the inbox', (databases) => {
  describe.each(KINDS)('%s', (_kind, make) => stores(databases, make));
});

function stores(databases: TestDatabases, make: (place: Place) => Promise<Inbox>): void {
  let inbox: Inbox | undefined;
  afterEach(() => inbox?.close());

  async function begin() {
    const place = await databases.place();
    const database = await databases.open(place);
    inbox = await make(place);
    return { database, inbox };
  }

  it('stores a burst once each, in order, as it was signed, with a job for what is wanted', async () => {
    const { database, inbox } = await begin();
    let told = 0;
    inbox.onQueued = () => told++;
    const sent = Array.from({ length: 60 }, (_, n) => delivery(opened(n + 1)));
    const again = (one: Delivery) => ({ ...one, body: Buffer.from(one.body) });
    const repeated = sent.slice(0, 20).map(again);
    const last = again(sent[3]!);
    const bodies = sent.map(({ body }) => Buffer.from(body).toString());
    const ignored = delivery({ zen: 'Design for failure.' }, { event: 'ping' });
    const stored = await Promise.all([...sent, ...repeated, ignored].map((one) => inbox.store(one)));

    expect(stored.slice(0, 60).map(({ status }) => status)).toEqual(sent.map(() => 'queued'));
    expect(stored.slice(60, 80)).toEqual(
      stored.slice(0, 20).map(({ eventId }) => ({ eventId, status: 'duplicate' })),
    );
    expect(stored[80]!.status).toBe('ignored');
    expect(told).toBeGreaterThan(0);
    // Once more, in a group that brings nothing new.
    expect(await inbox.store(last)).toEqual({ eventId: stored[3]!.eventId, status: 'duplicate' });

    const rows = await database.read.find(WebhookEvent, { order: { id: 'ASC' } });
    expect(rows.map((row) => row.deliveryId)).toEqual([...sent, ignored].map((one) => one.deliveryId));
    expect(rows[0]).toMatchObject({
      event: 'pull_request',
      action: 'opened',
      pullRequestNumber: 1,
      projectId: null,
      status: 'queued',
      payload: bodies[0],
      processedAt: null,
    });
    expect(rows[60]).toMatchObject({ event: 'ping', action: null, status: 'ignored' });
    expect(rows[60]!.processedAt).toEqual(rows[60]!.receivedAt);
    expect(Math.abs(Date.now() - rows[0]!.receivedAt.getTime())).toBeLessThan(60_000);

    const jobs = await database.read.find(Job, {
      where: { kind: 'event' },
      order: { runAt: 'ASC', id: 'ASC' },
    });
    const lanes = sent.map((_, n) => `event:7:${n + 1}`);
    // There, those of a millisecond may have changed places.
    if (database.kind === 'sqlite')
      jobs.sort((a, b) => +a.runAt - +b.runAt || lanes.indexOf(a.lane) - lanes.indexOf(b.lane));
    expect(jobs.map(({ lane }) => lane)).toEqual(lanes);
  });

  it('stores a large one beside small ones', async () => {
    const { database, inbox } = await begin();
    const large = delivery({ ...opened(1), filler: 'ä "quoted" line\n'.repeat(150_000) });
    const body = Buffer.from(large.body).toString();
    const again = delivery(body, { deliveryId: large.deliveryId });
    const small = delivery(opened(2));
    const [first, second] = await Promise.all([large, small].map((one) => inbox.store(one)));
    expect(first!.status).toBe('queued');
    expect(second!.status).toBe('queued');
    expect(await inbox.store(again)).toEqual({ eventId: first!.eventId, status: 'duplicate' });
    const { payload } = await database.read.findOneByOrFail(WebhookEvent, { id: first!.eventId });
    expect(payload === body).toBe(true);
    const broken: unknown = await inbox.store(delivery(body.slice(0, -1))).catch((error: unknown) => error);
    expect(broken).toMatchObject({ status: 400 });
  });

  it('gives an event to the project of its repository, of its webhook or of what it repeats', async () => {
    const { database, inbox } = await begin();
    const project = projectRow({ repositoryId: 7 });
    await database.write((tx) => tx.insert(Project, project));
    const other = opened(1, { id: 8, full_name: 'acme/other' });
    const first = await inbox.store(delivery(opened(1)));
    const repeated = await inbox.store(
      delivery(other, { replayOf: { eventId: first.eventId, projectId: project.id } }),
    );
    const events = await database.read.find(WebhookEvent, { order: { id: 'ASC' } });
    expect(events.map(({ id, projectId, replayOf }) => ({ id, projectId, replayOf }))).toEqual([
      { id: first.eventId, projectId: project.id, replayOf: null },
      { id: repeated.eventId, projectId: project.id, replayOf: first.eventId },
    ]);

    await expect(inbox.store(delivery(other, { project }))).rejects.toMatchObject({ status: 403 });
    const renamed = { ...project, repositoryId: null };
    const byName = delivery(opened(2, { id: 9, full_name: 'ACME/web' }), { project: renamed });
    expect((await inbox.store(byName)).status).toBe('queued');
  });

  it.each([
    ['no JSON', '{"action":', 400],
    ['a list', '[]', 400],
    ['nothing', '', 400],
    ['null', 'null', 400],
  ])('refuses %s and goes on', async (_what, body, status) => {
    const { database, inbox } = await begin();
    const refused: unknown = await inbox.store(delivery(body)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Problem);
    expect(refused).toMatchObject({ status });
    expect((await inbox.store(delivery(opened(1)))).status).toBe('queued');
    expect(await database.read.count(WebhookEvent)).toBe(1);
  });

  it('reads payloads of any form', async () => {
    const { inbox } = await begin();
    const forms = [
      { action: 7, repository: 'x', pull_request: [] },
      { action: 'opened', repository: { id: 1e300, full_name: 'a/b' }, pull_request: { number: 2 ** 31 } },
      { action: 'opened', repository: { id: 3, full_name: 'a/\0b' }, installation: { id: -1 } },
      { __proto__: null, action: 'constructor', issue: { number: '1' } },
      {
        action: 'opened',
        repository: { id: 1, full_name: 'a/b' },
        pull_request: { number: 1 },
        text: '\0\ud800',
      },
    ];
    for (const form of forms)
      expect((await inbox.store(delivery(form))).status).toMatch(/^(queued|ignored)$/);
    for (const event of ['constructor', '__proto__', 'toString'])
      expect((await inbox.store(delivery(opened(1), { event }))).status).toBe('ignored');
  });
}

describe.each(KINDS)('an inbox before the schema, and at its end, %s', (_kind, make) => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-inbox-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  it('keeps what comes before the schema of a new database', async () => {
    let migrated = (): void => undefined;
    const place = { databaseUrl: null, dataDir };
    const schema = new Promise<void>((resolve) => (migrated = resolve));
    const inbox = await make(place, schema);
    // More than are written at once.
    const stored = Array.from({ length: 40 }, (_, n) => inbox.store(delivery(opened(n + 1))));
    const database = await Database.open(place);
    migrated();
    expect((await Promise.all(stored)).map(({ status }) => status)).toEqual(Array(40).fill('queued'));
    await inbox.close();
    await database.close();
  });

  it('says what is wrong where the schema does not come', async () => {
    const place = { databaseUrl: null, dataDir };
    const inbox = await make(place, Promise.reject(new Error('no room')));
    await expect(inbox.store(delivery(opened(1)))).rejects.toThrow('no room');
    await inbox.close();
  });

  it('stores what it has taken when it is closed, and takes no more', async () => {
    const place = { databaseUrl: null, dataDir };
    const database = await Database.open(place);
    const inbox = await make(place);
    const stored = Array.from({ length: 20 }, (_, n) => inbox.store(delivery(opened(n + 1))));
    await inbox.close();
    await expect(inbox.store(delivery(opened(21)))).rejects.toThrow('ending');
    const large = delivery({ ...opened(22), filler: '-'.repeat(2 * 1024 ** 2) });
    await expect(inbox.store(large)).rejects.toThrow('ending');
    expect((await Promise.all(stored)).map(({ status }) => status)).toEqual(Array(20).fill('queued'));
    expect(await database.read.count(WebhookEvent)).toBe(20);
    await database.close();
  });
});

describe('an inbox on the SQLite database that the App writes to', () => {
  const databases: TestDatabases = onSqlite();

  it('stores a delivery as soon as the transaction under way is over, before others that wait', async () => {
    const place = await databases.place();
    const database = await databases.open(place);
    const inbox = await ServerInbox.of(place);
    await inbox.store(delivery(opened(1)));
    const end = new EventEmitter();
    const underWay = database.write(async () => {
      end.emit('begun');
      await once(end, 'end');
    });
    await once(end, 'begun');
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    const waiting = [1, 2, 3].map((n) => database.write(() => Promise.resolve(note(`write ${n}`)())));
    const stored = inbox.store(delivery(opened(2))).then(note('delivery'));
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    end.emit('end');
    await Promise.all([underWay, stored, ...waiting]);
    expect(order).toEqual(['delivery', 'write 1', 'write 2', 'write 3']);
    await inbox.close();
  });

  it('refuses what the database does not take, and nothing later', async () => {
    const place = await databases.place();
    const database = await databases.open(place);
    await database.write((tx) =>
      tx.query(`CREATE TRIGGER refuse BEFORE INSERT ON webhook_events WHEN NEW.event = 'refused'
                BEGIN SELECT RAISE(ABORT, 'no room'); END`),
    );
    const inbox = await ServerInbox.of(place);
    const sent = Array.from({ length: 60 }, (_, n) =>
      delivery(opened(n + 1), n === 0 ? { event: 'refused' } : {}),
    );
    const bodies = sent.map(({ body }) => body);
    const settled = await Promise.allSettled(sent.map((one) => inbox.store(one)));
    expect(String((settled[0] as PromiseRejectedResult).reason)).toContain('no room');
    // What was under way beside it may be refused with it.
    expect(settled.slice(32).map(({ status }) => status)).toEqual(Array(28).fill('fulfilled'));
    const later = sent.map((one, n) => ({ ...one, body: bodies[n]! })).slice(1);
    const again = await Promise.all(later.map((one) => inbox.store(one)));
    expect(again.map(({ status }) => status)).toEqual(
      settled.slice(1).map(({ status }) => (status === 'fulfilled' ? 'duplicate' : 'queued')),
    );
    expect(await database.read.count(WebhookEvent)).toBe(59);
    await inbox.close();
  });
});

onPostgres('an inbox on PostgreSQL whose connection is lost', (server) => {
  let admin: pg.Client;
  let inbox: Inbox;
  beforeEach(async () => {
    const place = { databaseUrl: await migratedDatabase(server()), dataDir: '' };
    admin = new pg.Client({ connectionString: place.databaseUrl });
    await admin.connect();
    inbox = new InboxWriter(await eventTable(place));
    await inbox.store(delivery(opened(1)));
  });
  afterEach(async () => {
    await inbox.close();
    await admin.end();
  });

  const OTHERS = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
  /** Resolves when it is gone. */
  const cut = () => admin.query(`SELECT pg_terminate_backend(pid, 5000) ${OTHERS}`);

  it('opens another one', async () => {
    await cut();
    // At that moment it may have been sent already.
    const next = delivery(opened(2));
    const stored = await inbox.store(next).catch(() => inbox.store(next));
    expect(stored.status).toBe('queued');
  });

  it('refuses what was under way, and nothing later', async () => {
    await admin.query('BEGIN; LOCK TABLE webhook_events');
    // More than one statement holds.
    const lost = Array.from({ length: 40 }, (_, n) => delivery(opened(n + 2)));
    const outcomes = Promise.allSettled(lost.map((one) => inbox.store(one)));
    await until(async () => {
      const { rowCount } = await admin.query(`SELECT ${OTHERS} AND wait_event_type = 'Lock'`);
      return rowCount === 1;
    }, 'a statement that waits');
    await cut();
    await admin.query('ROLLBACK');
    const settled = await outcomes;
    const refused = lost.filter((_, n) => settled[n]!.status === 'rejected');
    expect(refused.slice(0, 16)).toEqual(lost.slice(0, 16));
    const again = await Promise.all(refused.map((one) => inbox.store(one)));
    expect(again.map(({ status }) => status)).toEqual(refused.map(() => 'queued'));
    const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int FROM webhook_events');
    expect(rows[0]!.count).toBe(41);
  });
});

onPostgres('an inbox on PostgreSQL whose events workers wait for', (server) => {
  it('tells them at once, of what comes right afterwards a moment later, and of the rest at its end', async () => {
    const place = { databaseUrl: await migratedDatabase(server()), dataDir: '' };
    const worker = new pg.Client({ connectionString: place.databaseUrl });
    await worker.connect();
    await worker.query(`LISTEN ${JOBS_CHANNEL}`);
    const inbox = new InboxWriter(await eventTable(place));
    let told = once(worker, 'notification');
    await inbox.store(delivery(opened(1)));
    await told;
    for (const after of [() => undefined, () => inbox.close()]) {
      told = once(worker, 'notification');
      await inbox.store(delivery(opened(2)));
      await inbox.store(delivery(opened(3)));
      await after();
      await told;
    }
    await worker.end();
  });
});

describe('the thread of an inbox', () => {
  it('is begun anew where it ends, and says why it ended', async () => {
    // The driver takes no such address, and throws where nobody can catch that.
    const inbox = new InboxThread({ databaseUrl: 'postgres://%', dataDir: '' });
    for (let n = 0; n < 2; n++) await expect(inbox.store(delivery(opened(1)))).rejects.toThrow('URI');
    await inbox.close();
  });
});
