/** The pages of projects. */
import { Router } from 'express';
import { Project, ValidationPipeline } from '../database/entities/index.js';
import { ago } from './bits.js';
import { projectOr404, type PageDeps } from './deps.js';
import { html } from './html.js';
import { state } from './icons.js';
import { sendPage } from './layout.js';

const LISTED = 50;

export function projectRoutes(deps: PageDeps): Router {
  const { database } = deps;
  const router = Router();
  router.get('/', async (_request, response) => {
    const projects = await database.read.find(Project, { order: { updatedAt: 'DESC' }, take: LISTED });
    await sendPage(
      response,
      { title: 'Projects' },
      html`<h1>Projects</h1>
        <ul>
          ${projects.map(({ id, fullName }) => html`<li><a href="/projects/${id}">${fullName}</a></li>`)}
        </ul>`,
    );
  });
  router.get('/projects/:id', async (request, response) => {
    const project = await projectOr404(deps, request.params.id);
    const rows = await database.read.find(ValidationPipeline, {
      where: { projectId: project.id },
      order: { id: 'DESC' },
      take: LISTED,
    });
    await sendPage(
      response,
      { title: project.fullName },
      html`<h1>${project.fullName}</h1>
        <ul>
          ${rows.map(
            (row) =>
              html`<li>
                ${state(row.status, row.conclusion)}
                <a href="/pipelines/${row.id}">${row.title || row.headRef}</a> ${ago(row.createdAt)}
              </li>`,
          )}
        </ul>`,
    );
  });
  return router;
}
