import { EventEmitter, once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import express, { type Response } from 'express';
import { streamPipeline } from '../../src/api/pipeline-events.js';
import { EventStream } from '../../src/api/sse.js';
import type { PipelineStore } from '../../src/database/pipeline-store.js';
import type { ValidationPipeline } from '../../src/database/entities/index.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { FolderStorage } from '../../src/storage/folder.js';
import { until } from '../support/story.js';

describe('server-sent events', () => {
  let server: Server;
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  /** A reader of what `handle` writes; it reads nothing until it is told to. */
  const connect = async (handle: (response: Response) => void): Promise<IncomingMessage> => {
    const app = express();
    app.get('/', (_request, response) => handle(response));
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [response] = (await once(
      request({ host: '127.0.0.1', port })
        .on('error', () => undefined)
        .end(),
      'response',
    )) as [IncomingMessage];
    return response.on('error', () => undefined);
  };

  it('wait for a reader who does not read, and hold back little for him', async () => {
    const line = 'x'.repeat(100_000);
    const count = 1_000;
    let sent = 0;
    let most = 0;
    const reader = await connect((response) => {
      const stream = new EventStream(response, 1);
      void (async () => {
        for (; sent < count; sent++) {
          await stream.send('log', line, String(sent));
          most = Math.max(most, response.writableLength);
        }
        stream.end();
      })();
    });
    // What the system's buffers take; nothing more until somebody reads.
    let before = -1;
    await until(() => {
      const isQuiet = sent === before && sent > 0;
      before = sent;
      return isQuiet;
    }, 'a writer who waits');
    expect(sent).toBeLessThan(count / 2);
    let received = 0;
    reader.on('data', (chunk: Buffer) => (received += chunk.length));
    await once(reader, 'end');
    expect(sent).toBe(count);
    expect(received).toBeGreaterThan(count * line.length);
    expect(most).toBeLessThan(3 * line.length);
  });

  it('say now and then that they are there', async () => {
    let stream!: EventStream;
    const reader = await connect((response) => (stream = new EventStream(response, 1)));
    const [chunk] = (await once(reader, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^(: still here\n\n)+$/);
    reader.destroy();
    await once(stream.closed, 'abort');
    // To nobody is nothing sent, and nothing waits for him.
    await stream.send('log', 'x'.repeat(10_000_000), '1');
  });

  const pipeline = { id: 'none', status: 'in_progress', attempt: 1 } as ValidationPipeline;
  /** A stream of a pipeline that goes on and on. */
  const live = async () => {
    const now = new Date();
    const row = { ...pipeline, createdAt: now, updatedAt: now, startedAt: now, completedAt: null };
    const events = new EventEmitter();
    const pipelines = {
      jobs: { events },
      find: () => Promise.resolve(row),
      stagesOf: () => Promise.resolve([]),
    } as unknown as PipelineStore;
    let ended!: Promise<void>;
    const reader = await connect((response) => {
      const options = {
        pipelines,
        storage: new FolderStorage('/nowhere'),
        redactor: createRedactor([]),
        lastEventId: undefined,
      };
      ended = streamPipeline(row, options, response);
    });
    await once(reader, 'data');
    await until(() => events.listenerCount('changed') === 1, 'a stream that waits for changes');
    return { events, reader, ended: () => ended };
  };

  it('end with the reader, and leave nothing behind', async () => {
    const { events, reader, ended } = await live();
    reader.destroy();
    await ended();
    expect(events.listenerCount('changed')).toBe(0);
  });

  it('end with the server, and leave nothing behind', async () => {
    const { events, ended } = await live();
    server.closeAllConnections();
    await ended();
    expect(events.listenerCount('changed')).toBe(0);
  });
});
