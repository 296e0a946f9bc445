import { TableColumn, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';

const DEPLOYMENT = [
  { name: 'deployment_id', type: 'bigint', isNullable: true },
  { name: 'deployment_state', type: 'varchar', length: '20', isNullable: true },
];

/** Previews that are recorded as deployments, and when Codegen last asked for a look at a run. */
export class DeploymentsAndHints1700000009000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumns(
      'validation_pipelines',
      DEPLOYMENT.map((column) => new TableColumn(column)),
    );
    await runner.createIndex(
      'validation_pipelines',
      new TableIndex({ name: 'pipelines_by_deployment', columnNames: ['deployment_state'] }),
    );
    await runner.addColumn(
      'agent_runs',
      new TableColumn({ name: 'hinted_at', type: 'bigint', isNullable: true }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('agent_runs', 'hinted_at');
    await runner.dropIndex('validation_pipelines', 'pipelines_by_deployment');
    await runner.dropColumns(
      'validation_pipelines',
      DEPLOYMENT.map(({ name }) => name),
    );
  }
}
