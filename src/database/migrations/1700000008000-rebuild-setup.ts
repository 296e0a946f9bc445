import { TableColumn, type MigrationInterface, type QueryRunner } from 'typeorm';

/** A person's retry sets up anew, whatever the setup cache has. */
export class RebuildSetup1700000008000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumn(
      'validation_pipelines',
      new TableColumn({ name: 'rebuild_setup', type: 'boolean', default: false }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('validation_pipelines', 'rebuild_setup');
  }
}
