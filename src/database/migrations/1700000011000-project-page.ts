import { Table, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';

const id = { type: 'varchar', length: '36' };
const integer = { type: 'integer' };

/** What the page of a project shows without reading the results of many pipelines. */
export class ProjectPage1700000011000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'pull_requests',
        columns: [
          { name: 'project_id', ...id, isPrimary: true },
          { name: 'number', ...integer, isPrimary: true },
          { name: 'latest_pipeline_id', ...id },
          { name: 'is_open', type: 'boolean', default: true },
        ],
      }),
    );
    await runner.createIndex(
      'pull_requests',
      new TableIndex({
        name: 'pull_requests_by_state',
        columnNames: ['project_id', 'is_open', 'latest_pipeline_id'],
      }),
    );
    // Which of them are closed is found out by the reconciler, as far as webhooks don't tell.
    await runner.query(`
      INSERT INTO pull_requests (project_id, number, latest_pipeline_id)
      SELECT project_id, pull_request_number, MAX(id) FROM validation_pipelines
      WHERE pull_request_number IS NOT NULL GROUP BY project_id, pull_request_number`);
    await runner.createTable(
      new Table({
        name: 'test_days',
        columns: [
          { name: 'project_id', ...id, isPrimary: true },
          { name: 'day', ...integer, isPrimary: true },
          { name: 'test_key', type: 'varchar', length: '64', isPrimary: true },
          { name: 'name', type: 'text' },
          { name: 'runs', ...integer },
          { name: 'total_ms', type: 'bigint' },
          { name: 'failed', ...integer },
          { name: 'flaky', ...integer },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'scores',
        columns: [
          { name: 'pipeline_id', ...id, isPrimary: true },
          { name: 'name', type: 'varchar', length: '40', isPrimary: true },
          { name: 'project_id', ...id },
          { name: 'value', ...integer },
          { name: 'measured_at', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex(
      'scores',
      new TableIndex({ name: 'scores_by_project', columnNames: ['project_id', 'measured_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['scores', 'test_days', 'pull_requests']) await runner.dropTable(table);
  }
}
