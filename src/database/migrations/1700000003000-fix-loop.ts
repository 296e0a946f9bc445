import { Table, TableColumn, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';

const word = (length: number) => ({ type: 'varchar', length: String(length) });

const AGENT_RUNS = [
  { name: 'cause', ...word(160), isNullable: true },
  { name: 'actor', ...word(100), isNullable: true },
  { name: 'head_sha', ...word(64), isNullable: true },
  { name: 'signature', ...word(64), isNullable: true },
  { name: 'attempt', type: 'integer', default: 0 },
  { name: 'next_pipeline_id', ...word(36), isNullable: true },
  { name: 'opened_pull_request', type: 'integer', isNullable: true },
  { name: 'plan', type: 'text', isNullable: true },
  { name: 'plan_state', ...word(20), default: "'not_requested'" },
  { name: 'looks', type: 'integer', default: 0 },
  { name: 'failures', type: 'integer', default: 0 },
  { name: 'error_kind', ...word(30), isNullable: true },
  { name: 'requested_at', type: 'bigint', isNullable: true },
  { name: 'resume_message', type: 'text', isNullable: true },
  { name: 'resumed_at', type: 'bigint', isNullable: true },
];

const PIPELINES = [
  { name: 'cause', ...word(160), isNullable: true },
  { name: 'agent_decision', type: 'text', isNullable: true },
  { name: 'merge', type: 'text', isNullable: true },
  { name: 'annotated', type: 'boolean', default: false },
];

/** What the fix loop, commands and merging remember. */
export class FixLoop1700000003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumns(
      'agent_runs',
      AGENT_RUNS.map((column) => new TableColumn(column)),
    );
    await runner.createIndex(
      'agent_runs',
      new TableIndex({ name: 'agent_runs_by_cause', columnNames: ['cause'], isUnique: true }),
    );
    await runner.addColumns(
      'validation_pipelines',
      PIPELINES.map((column) => new TableColumn(column)),
    );
    await runner.createIndex(
      'validation_pipelines',
      new TableIndex({ name: 'pipelines_by_cause', columnNames: ['cause'] }),
    );
    await runner.createTable(
      new Table({
        name: 'handled_commands',
        columns: [
          { name: 'cause', ...word(160), isPrimary: true },
          { name: 'reply_begun', type: 'boolean', default: false },
          { name: 'handled', type: 'boolean', default: false },
          { name: 'created_at', type: 'bigint' },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('handled_commands');
    await runner.dropIndex('validation_pipelines', 'pipelines_by_cause');
    await runner.dropColumns(
      'validation_pipelines',
      PIPELINES.map(({ name }) => name),
    );
    await runner.dropIndex('agent_runs', 'agent_runs_by_cause');
    await runner.dropColumns(
      'agent_runs',
      AGENT_RUNS.map(({ name }) => name),
    );
  }
}
