import type { Project } from '../database/entities/index.js';
import { externalLink } from './bits.js';
import { html, type Fragment } from './html.js';

const TABS = {
  overview: ['Overview', ''],
  pipelines: ['Pipelines', '/pipelines'],
  settings: ['Settings', '/settings'],
  events: ['Webhook events', '/events'],
} as const;

export const projectPath = (project: Pick<Project, 'id' | 'fullName'>) => [
  { name: project.fullName, url: `/projects/${project.id}` },
];

export const projectHeader = (project: Project, tab: keyof typeof TABS): Fragment =>
  html`<div class="page-title"><h1>${project.fullName}</h1></div>
    <ul class="facts">
      <li>${externalLink(project.repositoryUrl, 'Repository')}</li>
      <li>default branch <code>${project.defaultBranch}</code></li>
      ${project.installationId === null && !project.removedAt && html`<li>the GitHub App is not installed on it</li>`}${project.removedAt && html`<li>no longer reachable: the App was removed, or the repository deleted</li>`}${project.description && html`<li>${project.description}</li>`}
    </ul>
    <nav class="tabs" aria-label="Of the project">
      ${Object.entries(TABS).map(([name, [label, path]]) => html`<a href="/projects/${project.id}${path}" ${name === tab && html` aria-current="page"`}>${label}</a>`)}
    </nav>`;
