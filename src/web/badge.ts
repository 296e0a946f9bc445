/**
 * A project's state as a picture for its README. Open to everyone who knows the id: GitHub's image proxy has no login,
 * and one word is all that it says. An id that is not known has the same picture as a project without pipelines.
 */
import { Router } from 'express';
import { In } from 'typeorm';
import type { Database } from '../database/database.js';
import { Project, ValidationPipeline } from '../database/entities/index.js';
import type { Conclusion } from '../domain/pipeline.js';

export type BadgeState = 'passing' | 'failing' | 'running' | 'unknown';

const COLORS: Record<BadgeState, string> = {
  passing: '#1a7f37',
  failing: '#b3141d',
  running: '#7d4e00',
  unknown: '#59636e',
};
const LABEL = 'validation';
const KEPT_SECONDS = 30;

export function badgeRoutes(database: Database): Router {
  const router = Router();
  router.get('/projects/:id/badge.svg', async (request, response) => {
    const svg = badge(await badgeState(database, request.params.id));
    response
      .set({
        'Cache-Control': `public, max-age=${KEPT_SECONDS}, must-revalidate`,
        'Cross-Origin-Resource-Policy': 'cross-origin',
        'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      })
      .type('image/svg+xml')
      // With an ETag of its content: asked again, 304 is enough.
      .send(svg);
  });
  return router;
}

const JUDGED: Conclusion[] = ['success', 'failure', 'timed_out'];

/** Of the default branch where it was validated for its own sake, otherwise of the last pull request that was judged. */
async function badgeState(database: Database, id: string): Promise<BadgeState> {
  if (!/^[\w-]{1,36}$/.test(id) || !(await database.read.existsBy(Project, { id }))) return 'unknown';
  const newest = (where: object) =>
    database.read.findOne(ValidationPipeline, {
      select: { id: true, status: true, conclusion: true },
      where: { projectId: id, ...where },
      order: { id: 'DESC' },
    });
  const judged = { conclusion: In(JUDGED) };
  const base = await newest({ trigger: 'base', ...judged });
  const row = base ?? (await newest(judged));
  if (row) return row.conclusion === 'success' ? 'passing' : 'failing';
  return (await newest({ status: 'in_progress' })) ? 'running' : 'unknown';
}

/** Widths of 11 px Verdana, near enough; the text is stretched to them. */
const widthOf = (text: string): number => Math.round(text.length * 6.6);

export function badge(state: BadgeState): string {
  const [label, word] = [widthOf(LABEL), widthOf(state)];
  const width = label + word + 20;
  const text = (x: number, length: number, content: string) =>
    `<text x="${x}" y="14" textLength="${length}">${content}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" role="img" aria-label="${LABEL}: ${state}"><title>${LABEL}: ${state}</title><clipPath id="r"><rect width="${width}" height="20" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="${label + 10}" height="20" fill="#3d444d"/><rect x="${label + 10}" width="${word + 10}" height="20" fill="${COLORS[state]}"/></g><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${text(5, label, LABEL)}${text(label + 15, word, state)}</g></svg>`;
}
