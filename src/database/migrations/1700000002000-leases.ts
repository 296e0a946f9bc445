import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

/** Tasks that one process at a time does now and then, such as reconciling. */
export class Leases1700000002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'leases',
        columns: [
          { name: 'name', type: 'varchar', length: '50', isPrimary: true },
          { name: 'owner', type: 'varchar', length: '120', isNullable: true },
          { name: 'lease_until', type: 'bigint', isNullable: true },
          { name: 'ended_at', type: 'bigint', isNullable: true },
          { name: 'mark', type: 'text', isNullable: true },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('leases');
  }
}
