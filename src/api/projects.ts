import { z } from 'zod';
import type { Project } from '../database/entities/index.js';
import { ProjectExists } from '../database/project-editor.js';
import { readStats } from '../database/stats.js';
import { answerPage, answerProject, type ProjectAnswer } from './answers.js';
import { projectOr404, type ApiDeps } from './deps.js';
import { Problem } from './problem.js';
import { missing, route, type Route } from './route.js';
import * as schemas from './schemas/index.js';

const byId = z.object({ id: schemas.id });
const TAKEN = 'The id or the full name is another project’s.';

export function projectRoutes(deps: ApiDeps): Route[] {
  const { editor, settings, database } = deps;

  const answersOf = async (rows: readonly Project[]): Promise<Map<string, ProjectAnswer>> => {
    const ids = rows.map(({ id }) => id);
    const [merge, confirm] = await Promise.all([
      settings.ofProjects(ids, 'auto_merge_enabled'),
      settings.ofProjects(ids, 'auto_confirm_plan'),
    ]);
    return new Map(
      rows.map((row) => [
        row.id,
        answerProject(row, {
          webhookUrl: `${deps.publicUrl()}/webhooks/${row.id}`,
          autoMergeEnabled: merge.get(row.id) ?? false,
          autoConfirmPlan: confirm.get(row.id) ?? false,
        }),
      ]),
    );
  };
  const answerOf = async (row: Project) => (await answersOf([row])).get(row.id)!;

  return [
    route(
      {
        method: 'get',
        path: '/api/projects',
        operationId: 'listProjects',
        summary: 'Projects',
        tag: 'Projects',
        query: schemas.projectQuery,
        answer: { status: 200, description: 'One page.', schema: schemas.projectPage },
      },
      async ({ query: { limit, cursor, ...filter } }) => {
        const page = await editor.list(filter, { limit, cursor });
        const answers = await answersOf(page.rows);
        return answerPage(page, ({ id }) => answers.get(id)!);
      },
    ),
    route(
      {
        method: 'post',
        path: '/api/projects',
        operationId: 'createProject',
        summary: 'Make a project',
        tag: 'Projects',
        body: schemas.newProject,
        answer: {
          status: 201,
          description: 'Made.',
          schema: schemas.project,
          headers: { Location: 'The project.' },
        },
        also: { 409: TAKEN },
      },
      async ({ body }, _request, response) => {
        const project = await deps.linker.link(await editor.create(body).catch(asConflict));
        response.location(`/api/projects/${project.id}`);
        return answerOf(project);
      },
    ),
    route(
      {
        method: 'get',
        path: '/api/projects/stats',
        operationId: 'readStats',
        summary: 'Statistics of all projects, or of one',
        tag: 'Projects',
        query: schemas.statsQuery,
        answer: { status: 200, description: 'Statistics.', schema: schemas.stats },
        also: { 404: 'No such project.' },
      },
      async ({ query }) => {
        if (query.projectId !== undefined) await projectOr404(deps, query.projectId);
        const { queued, running, conclusions, ...rest } = await readStats(database, query);
        const { timed_out: timedOut, action_required: actionRequired, ...others } = conclusions;
        const completed = Object.values(conclusions).reduce((sum, count) => sum + count, 0);
        return {
          ...rest,
          pipelines: {
            total: queued + running + completed,
            queued,
            running,
            ...others,
            timedOut,
            actionRequired,
          },
        };
      },
    ),
    route(
      {
        method: 'get',
        path: '/api/projects/{id}',
        operationId: 'readProject',
        summary: 'One project',
        tag: 'Projects',
        params: byId,
        answer: { status: 200, description: 'The project.', schema: schemas.project },
      },
      async ({ params }) => answerOf(await projectOr404(deps, params.id)),
    ),
    route(
      {
        method: 'put',
        path: '/api/projects/{id}',
        operationId: 'changeProject',
        summary: 'Change any of its fields',
        tag: 'Projects',
        params: byId,
        body: schemas.projectChanges,
        answer: { status: 200, description: 'The project as it is now.', schema: schemas.project },
        also: { 409: TAKEN },
      },
      async ({ params, body }) => {
        const project = await editor.update(params.id, body).catch(asConflict);
        if (!project) throw missing('project');
        const isAnother = body.fullName !== undefined && project.repositoryId === null;
        return answerOf(isAnother ? await deps.linker.link(project) : project);
      },
    ),
    route(
      {
        method: 'delete',
        path: '/api/projects/{id}',
        operationId: 'deleteProject',
        summary: 'Delete a project with its settings, events, pipelines and their logs',
        tag: 'Projects',
        params: byId,
        answer: { status: 204, description: 'Deleted.' },
      },
      async ({ params }) => {
        const pipelineIds = await editor.delete(params.id);
        if (!pipelineIds) throw missing('project');
        for (const id of pipelineIds) await deps.storage.remove(id);
      },
    ),
  ];
}

function asConflict(error: unknown): never {
  if (error instanceof ProjectExists) throw new Problem(409, 'Exists already', error.message);
  throw error;
}
