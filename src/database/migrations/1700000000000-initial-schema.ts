import {
  Table,
  TableIndex,
  type MigrationInterface,
  type QueryRunner,
  type TableColumnOptions,
} from 'typeorm';

type Columns = Record<string, Omit<TableColumnOptions, 'name'>>;

const id = { type: 'varchar', length: '36' };
const text = { type: 'text' };
const time = { type: 'bigint' };
const integer = { type: 'integer' };
const word = (length: number) => ({ type: 'varchar', length: String(length) });
const orNull = <T extends object>(column: T) => ({ ...column, isNullable: true });
const primary = <T extends object>(column: T) => ({ ...column, isPrimary: true });
const withDefault = <T extends object>(column: T, value: string | number | boolean) => ({
  ...column,
  default: value,
});

/** Written with TypeORM's own table builder, so that one migration serves SQLite and PostgreSQL. */
export class InitialSchema1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const create = async (name: string, columns: Columns) =>
      runner.createTable(
        new Table({
          name,
          columns: Object.entries(columns).map(([column, of]) => ({ name: column, ...of })),
        }),
      );
    const index = async (table: string, name: string, columnNames: string[], isUnique = false) =>
      runner.createIndex(table, new TableIndex({ name, columnNames, isUnique }));

    await create('projects', {
      id: primary(id),
      name: word(200),
      full_name: word(200),
      full_name_key: word(200),
      description: withDefault(text, "''"),
      repository_url: text,
      default_branch: withDefault(word(255), "'main'"),
      repository_id: orNull(time),
      installation_id: orNull(time),
      removed_at: orNull(time),
      created_at: time,
      updated_at: time,
    });
    await index('projects', 'projects_by_full_name', ['full_name_key'], true);
    await index('projects', 'projects_by_repository_id', ['repository_id']);

    await create('project_settings', {
      project_id: primary(id),
      key: primary(word(64)),
      value: text,
      updated_at: time,
    });

    await create('webhook_events', {
      id: primary(id),
      delivery_id: word(100),
      event: word(100),
      action: orNull(word(100)),
      project_id: orNull(id),
      pull_request_number: orNull(integer),
      status: word(20),
      payload: text,
      error: orNull(text),
      replay_of: orNull(id),
      received_at: time,
      processed_at: orNull(time),
    });
    await index('webhook_events', 'webhook_events_by_delivery', ['delivery_id'], true);
    await index('webhook_events', 'webhook_events_by_project', ['project_id', 'id']);
    await index('webhook_events', 'webhook_events_by_status', ['status', 'id']);

    await create('validation_pipelines', {
      id: primary(id),
      project_id: id,
      agent_run_id: orNull(id),
      pull_request_id: orNull(time),
      pull_request_number: orNull(integer),
      pull_request_url: withDefault(text, "''"),
      title: withDefault(text, "''"),
      author: withDefault(word(100), "''"),
      head_sha: word(64),
      head_ref: text,
      base_ref: text,
      base_sha: withDefault(word(64), "''"),
      fetch_ref: text,
      is_fork: withDefault({ type: 'boolean' }, false),
      trigger: word(20),
      status: word(20),
      conclusion: orNull(word(20)),
      current_step: orNull(word(20)),
      progress_percentage: withDefault(integer, 0),
      deployment_url: orNull(text),
      validation_results: orNull(text),
      reason: orNull(text),
      error_message: orNull(text),
      retry_count: withDefault(integer, 0),
      attempt: withDefault(integer, 0),
      lease_owner: orNull(word(120)),
      lease_until: orNull(time),
      cancel_reason: orNull(text),
      settings: orNull(text),
      approved_by: orNull(word(100)),
      check_run_id: orNull(time),
      check_requested: withDefault({ type: 'boolean' }, false),
      comment_id: orNull(time),
      created_at: time,
      started_at: orNull(time),
      updated_at: time,
      completed_at: orNull(time),
    });
    await index('validation_pipelines', 'pipelines_by_project', ['project_id', 'id']);
    await index('validation_pipelines', 'pipelines_by_pull_request', [
      'project_id',
      'pull_request_number',
      'id',
    ]);
    await index('validation_pipelines', 'pipelines_by_head', ['project_id', 'head_sha', 'id']);
    await index('validation_pipelines', 'pipelines_by_status', ['status', 'id']);

    await create('stages', {
      pipeline_id: primary(id),
      name: primary(word(20)),
      position: integer,
      status: word(20),
      conclusion: orNull(word(20)),
      summary: withDefault(text, "''"),
      started_at: orNull(time),
      completed_at: orNull(time),
    });

    await create('agent_runs', {
      id: primary(id),
      project_id: id,
      pipeline_id: orNull(id),
      pull_request_number: orNull(integer),
      remote_id: orNull(time),
      status: word(20),
      response_type: orNull(word(20)),
      prompt: text,
      response: orNull(text),
      context: orNull(text),
      web_url: orNull(text),
      error_message: orNull(text),
      created_at: time,
      updated_at: time,
      completed_at: orNull(time),
    });
    await index('agent_runs', 'agent_runs_by_project', ['project_id', 'id']);
    await index('agent_runs', 'agent_runs_by_pull_request', ['project_id', 'pull_request_number', 'id']);

    await create('jobs', {
      id: { ...primary(integer), isGenerated: true, generationStrategy: 'increment' },
      kind: word(20),
      subject: word(100),
      lane: text,
      run_at: time,
      attempts: withDefault(integer, 0),
      locked_by: orNull(word(120)),
      locked_until: orNull(time),
      last_error: orNull(text),
    });
    await index('jobs', 'jobs_by_kind', ['kind', 'run_at']);
    await index('jobs', 'jobs_by_lane', ['lane', 'id']);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'jobs',
      'agent_runs',
      'stages',
      'validation_pipelines',
      'webhook_events',
      'project_settings',
      'projects',
    ])
      await runner.dropTable(table);
  }
}
