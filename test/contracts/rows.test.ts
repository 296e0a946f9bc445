import { expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.js';
import {
  Project,
  ProjectSetting,
  PullRequest,
  Stage,
  ValidationPipeline,
} from '../../src/database/entities/index.js';
import { defaultsOf, findRow, findRows, insertRows, updateRow, updateRows } from '../../src/database/rows.js';
import { newId } from '../../src/domain/ids.js';
import { emptyResults } from '../../src/domain/pipeline.js';
import { onEachDatabase } from '../support/databases.js';
import { projectRow } from '../support/pipeline-rows.js';

async function fill(database: Database) {
  const now = new Date();
  const project = projectRow({ repositoryId: 7_000_000_001 });
  const pipelines = [1, 2, 3].map((number) => ({
    id: newId(),
    projectId: project.id,
    pullRequestNumber: number < 3 ? 1 : 2,
    headSha: String(number).repeat(40),
    headRef: 'feature "quoted" ?',
    baseRef: 'main',
    fetchRef: 'refs/pull/1/head',
    trigger: 'event' as const,
    status: 'completed' as const,
    conclusion: 'success' as const,
    isFork: number === 2,
    validationResults: { ...emptyResults(), notes: ['a note '.repeat(1000)] },
    settings: { setup_commands: "echo 'one'" },
    createdAt: now,
    updatedAt: now,
    completedAt: now,
  }));
  const stages = ['test', 'clone', 'setup'] as const;
  await database.write(async (tx) => {
    await tx.insert(Project, project);
    await tx.insert(ValidationPipeline, pipelines);
    for (const [position, name] of stages.entries())
      await tx.insert(Stage, { pipelineId: pipelines[0]!.id, name, position, status: 'queued' });
    for (const number of [1, 2])
      await tx.insert(PullRequest, {
        projectId: project.id,
        number,
        latestPipelineId: pipelines[number]!.id,
        isOpen: number === 2,
      });
  });
  return { project, pipelines };
}

onEachDatabase('rows by the values of their columns', (databases) => {
  it('are what TypeORM finds', async () => {
    const database = await databases.open();
    const { project, pipelines } = await fill(database);
    const { read } = database;
    const [first] = pipelines;
    const found = await findRow(read, ValidationPipeline, { id: first!.id });
    expect(found).toBeInstanceOf(ValidationPipeline);
    expect(found).toEqual(await read.findOneBy(ValidationPipeline, { id: first!.id }));
    expect(found).toMatchObject({ headRef: first!.headRef, validationResults: first!.validationResults });
    const repositoryId = project.repositoryId;
    expect(await findRow(read, Project, { repositoryId })).toEqual(
      await read.findOneByOrFail(Project, { repositoryId }),
    );
    expect(await findRows(read, PullRequest, { projectId: project.id, isOpen: true })).toEqual(
      await read.findBy(PullRequest, { projectId: project.id, isOpen: true }),
    );
    await database.write(async (tx) => {
      await tx.update(ValidationPipeline, { id: first!.id }, { conclusion: 'failure' });
      expect(await findRow(tx, ValidationPipeline, { id: first!.id })).toMatchObject({
        conclusion: 'failure',
      });
    });
  });

  it('are in the order that was asked for, and no others', async () => {
    const database = await databases.open();
    const { project, pipelines } = await fill(database);
    const { read } = database;
    const [first, second] = pipelines;
    const of = { projectId: project.id, pullRequestNumber: 1 };
    expect(await findRow(read, ValidationPipeline, of, { id: 'DESC' })).toMatchObject({ id: second!.id });
    expect(await findRow(read, ValidationPipeline, of, { id: 'ASC' })).toMatchObject({ id: first!.id });
    expect(await findRows(read, ValidationPipeline, of)).toHaveLength(2);
    const stages = await findRows(read, Stage, { pipelineId: first!.id }, { position: 'ASC' });
    expect(stages.map(({ name }) => name)).toEqual(['test', 'clone', 'setup']);
    expect(await findRow(read, ValidationPipeline, { id: newId() })).toBeNull();
    expect(await findRows(read, ProjectSetting, { projectId: project.id })).toEqual([]);
  });

  it('are inserted, and updated where they are there already', async () => {
    const database = await databases.open();
    const { pipelines } = await fill(database);
    const [first] = pipelines;
    const again = (ids: string[]) => ids.map((id) => ({ ...first, id }));
    const ids = [newId(), newId()];
    await database.write((tx) => insertRows(tx, ValidationPipeline, again(ids)));
    const [stored, original] = [ids[1]!, first!.id].map((id) =>
      findRow(database.read, ValidationPipeline, { id }),
    );
    expect(await stored).toEqual({ ...(await original), id: ids[1] });

    const summary = `it's "so" ?`;
    const stage = { pipelineId: first!.id, name: 'test', position: 0, status: 'completed', summary } as const;
    const update = { columns: ['status', 'summary'], key: ['pipeline_id', 'name'] };
    await database.write((tx) => insertRows(tx, Stage, [stage, { ...stage, name: 'deploy' }], update));
    const rows = await findRows(database.read, Stage, { pipelineId: first!.id });
    expect(rows.map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
      'clone queued',
      'deploy completed',
      'setup queued',
      'test completed',
    ]);
    expect(rows.find(({ name }) => name === 'test')).toMatchObject({ summary });
  });

  it('are updated as TypeORM does it, with values and with SQL, and told of', async () => {
    const database = await databases.open();
    const { pipelines } = await fill(database);
    const [first, second] = pipelines;
    const { id } = first!;
    const values = {
      conclusion: null,
      reason: `it's "so" ?`,
      isFork: true,
      attempt: () => 'attempt + 2',
      validationResults: { ...emptyResults(), notes: ['another'] },
      completedAt: new Date(1_700_000_000_123),
      title: undefined,
    };
    const before = await findRow(database.read, ValidationPipeline, { id });
    const row = await database.write((tx) =>
      updateRow(tx, ValidationPipeline, { id, isFork: false }, values),
    );
    const { title, attempt } = before!;
    expect(row).toEqual({ ...before!, ...values, title, attempt: attempt + 2 });
    expect(row).toEqual(await database.read.findOneBy(ValidationPipeline, { id }));

    const fork = { projectId: first!.projectId, isFork: true };
    const update = (where: typeof fork) =>
      database.writeOne((tx) => updateRows(tx, ValidationPipeline, where, { title: 'forks' }));
    expect(await update(fork)).toBe(2);
    expect(await update({ ...fork, projectId: newId() })).toBe(0);
    expect(await findRow(database.read, ValidationPipeline, { id: second!.id })).toMatchObject({
      title: 'forks',
    });
    expect(
      await database.write((tx) => updateRow(tx, ValidationPipeline, { id: newId() }, values)),
    ).toBeNull();
    const nobody = { id: undefined as unknown as string };
    await expect(database.write((tx) => updateRows(tx, ValidationPipeline, nobody, values))).rejects.toThrow(
      'No value for ValidationPipeline.id',
    );
  });

  it('have the defaults of the database', async () => {
    const database = await databases.open();
    const { pipelines } = await fill(database);
    const { projectId, headSha, headRef, baseRef, fetchRef, trigger, createdAt } = pipelines[0]!;
    const bare = { id: newId(), projectId, headSha, headRef, baseRef, fetchRef, trigger, createdAt };
    const row = { ...bare, status: 'queued' as const, updatedAt: createdAt };
    await database.write((tx) => insertRows(tx, ValidationPipeline, [row]));
    const stored = await findRow(database.read, ValidationPipeline, { id: bare.id });
    expect(stored).toMatchObject(defaultsOf(database.read, ValidationPipeline));
    expect(stored).toMatchObject({ isFork: false, attempt: 0 });
  });

  it('are not all rows where a value is missing', async () => {
    const { read } = await databases.open();
    const missing = { id: undefined } as unknown as { id: string };
    await expect(findRow(read, ValidationPipeline, missing)).rejects.toThrow(
      'No value for ValidationPipeline.id',
    );
    const unknown = { nothing: 1 } as object;
    await expect(findRows(read, ValidationPipeline, unknown)).rejects.toThrow('has no column nothing');
  });
});
