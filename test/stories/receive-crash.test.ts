import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.js';
import { WebhookEvent } from '../../src/database/entities/index.js';
import { load } from '../bench/load.js';
import { FakeGitHub } from '../support/fake-github/index.js';
import { ServerProcess } from '../support/server-process.js';

describe('kill -9 while deliveries pour in', () => {
  it('loses none that was acknowledged', async () => {
    const github = await FakeGitHub.start();
    const dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-receive-'));
    try {
      const server = await ServerProcess.start(dataDir, github.environment);
      const acknowledged: string[] = [];
      const payload = Buffer.from(JSON.stringify({ zen: 'Speak like a human. '.repeat(1_000) }));
      const burst = load({
        port: server.port,
        path: '/api/github/webhooks',
        secret: github.webhookSecret,
        payload,
        event: 'ping',
        connections: 10,
        durationMs: 60_000,
        onAccepted: (id) => {
          // In the middle of many, whatever the speed of this machine.
          if (acknowledged.push(id) === 100) server.signal('SIGKILL');
        },
      });
      await expect(burst).rejects.toThrow();
      await server.exited();

      const database = await Database.open({ databaseUrl: null, dataDir });
      const rows = await database.read.find(WebhookEvent, { select: { id: true, deliveryId: true } });
      await database.close();
      const stored = new Set(rows.map(({ deliveryId }) => deliveryId));
      expect(acknowledged.length).toBeGreaterThanOrEqual(100);
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
      await github.stop();
    }
  });
});
