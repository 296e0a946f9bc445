/** The pages: rendered here, without a script; behind the same login as the API. */
import { Router } from 'express';
import type { Database } from '../database/database.js';
import { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { isId } from '../domain/ids.js';
import { Problem } from '../api/problem.js';
import { html } from './html.js';
import { sendPage, STYLE } from './layout.js';
import { pipelinePage, verdictOf } from './pipeline-page.js';

const LISTED = 50;
const REFRESH_SECONDS = 3;

export function pages(deps: { database: Database; pipelines: PipelineStore }): Router {
  const { database, pipelines } = deps;
  const router = Router();
  const find = async <T>(id: string, row: (id: string) => Promise<T | null>): Promise<T> => {
    const found = isId(id) ? await row(id) : null;
    if (!found)
      throw new Problem(404, 'Not found', 'There is nothing by this number; it may have been deleted.');
    return found;
  };
  const projectOf = (id: string) => find(id, () => database.read.findOneBy(Project, { id }));

  router.get('/style.css', (_request, response) => {
    response.set('Cache-Control', 'max-age=3600').type('css').send(STYLE);
  });

  router.get('/', async (_request, response) => {
    const projects = await database.read.find(Project, { order: { updatedAt: 'DESC' }, take: LISTED });
    sendPage(
      response,
      { title: 'Projects' },
      projects.length > 0
        ? html`<ul>
            ${projects.map(({ id, fullName }) => html`<li><a href="/projects/${id}">${fullName}</a></li>`)}
          </ul>`
        : html`<p>No project yet: install the GitHub App on a repository, and it appears here.</p>`,
    );
  });

  router.get('/projects/:id', async (request, response) => {
    const project = await projectOf(request.params.id);
    const rows = await database.read.find(ValidationPipeline, {
      where: { projectId: project.id },
      order: { id: 'DESC' },
      take: LISTED,
    });
    sendPage(
      response,
      { title: project.fullName },
      html`<p><a href="${project.repositoryUrl}">${project.repositoryUrl}</a></p>
        <h2>Latest pipelines</h2>
        <table>
          <tr>
            <th>Pipeline</th>
            <th>Result</th>
            <th>Begun</th>
          </tr>
          ${rows.map(
            (row) =>
              html`<tr>
                <td>
                  <a href="/pipelines/${row.id}"
                    >${row.pullRequestNumber && `#${row.pullRequestNumber} `}${row.title || row.headRef}</a
                  >
                </td>
                <td>${verdictOf(row)}</td>
                <td>${row.createdAt.toISOString().slice(0, 16).replace('T', ' ')} UTC</td>
              </tr>`,
          )}
        </table>`,
    );
  });

  router.get('/pipelines/:id', async (request, response) => {
    const pipeline = await find(request.params.id, (id) => pipelines.find(id));
    const project = await projectOf(pipeline.projectId);
    sendPage(
      response,
      {
        title: pipeline.title || pipeline.headRef,
        refresh: pipeline.status === 'completed' ? null : REFRESH_SECONDS,
      },
      pipelinePage(pipeline, project, await pipelines.stagesOf(pipeline.id)),
    );
  });
  return router;
}
