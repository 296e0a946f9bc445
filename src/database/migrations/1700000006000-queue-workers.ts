import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

/** graphile-worker knows no heartbeat: its pools are listed here while they are alive. */
export class QueueWorkers1700000006000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'queue_workers',
        columns: [
          { name: 'id', type: 'varchar', length: '60', isPrimary: true },
          { name: 'owner', type: 'varchar', length: '120' },
          { name: 'seen_at', type: 'bigint' },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('queue_workers');
  }
}
