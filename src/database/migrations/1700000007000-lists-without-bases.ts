import { TableColumn, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';
import { countAll, createTriggers, dropTriggers } from '../pipeline-totals.js';

/** With the trigger they hold all that the statistics need. */
const WIDENED: [name: string, columns: string[]][] = [
  ['pipelines_by_status', ['status', 'id']],
  ['pipelines_by_project_status', ['project_id', 'status', 'id']],
  ['pipelines_by_completion', ['completed_at', 'started_at', 'conclusion']],
  ['pipelines_by_project_completion', ['project_id', 'completed_at', 'started_at', 'conclusion']],
];

/**
 * Pipelines that validate a base branch are left out of the statistics, agent runs are listed by their status, and
 * projects know the event that made them.
 */
export class ListsWithoutBases1700000007000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const [name, columnNames] of WIDENED) {
      await runner.dropIndex('validation_pipelines', name);
      await runner.createIndex(
        'validation_pipelines',
        new TableIndex({ name, columnNames: [...columnNames, 'trigger'] }),
      );
    }
    await runner.createIndex(
      'agent_runs',
      new TableIndex({ name: 'agent_runs_by_project_status', columnNames: ['project_id', 'status', 'id'] }),
    );
    await runner.addColumn(
      'projects',
      new TableColumn({ name: 'first_event_id', type: 'varchar', length: '36', isNullable: true }),
    );
    await dropTriggers(runner);
    await runner.query('DELETE FROM pipeline_totals');
    await countAll(runner);
    await createTriggers(runner);
  }

  /** The totals stay without base branches: the version before works with them as they are. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('projects', 'first_event_id');
    await runner.dropIndex('agent_runs', 'agent_runs_by_project_status');
    for (const [name, columnNames] of WIDENED) {
      await runner.dropIndex('validation_pipelines', name);
      await runner.createIndex('validation_pipelines', new TableIndex({ name, columnNames }));
    }
  }
}
