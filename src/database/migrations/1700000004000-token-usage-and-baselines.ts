import { Table, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';

/** To find the validations of a base branch, and those that build on a sha. */
const BASE_INDEXES = { pipelines_by_trigger: 'trigger', pipelines_by_base: 'base_sha' };

/** What AI reviews spend, and ways to the results that pull requests are compared with. */
export class TokenUsageAndBaselines1700000004000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'token_usages',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true },
          { name: 'project_id', type: 'varchar', length: '36' },
          { name: 'pipeline_id', type: 'varchar', length: '36' },
          { name: 'tokens', type: 'integer' },
          { name: 'used_at', type: 'bigint' },
        ],
      }),
    );
    for (const [name, column] of Object.entries(BASE_INDEXES))
      await runner.createIndex(
        'validation_pipelines',
        new TableIndex({ name, columnNames: ['project_id', column, 'id'] }),
      );
    await runner.createIndex(
      'token_usages',
      new TableIndex({ name: 'token_usages_by_project', columnNames: ['project_id', 'used_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('token_usages');
    for (const name of Object.keys(BASE_INDEXES)) await runner.dropIndex('validation_pipelines', name);
  }
}
