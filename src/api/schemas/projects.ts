import { z } from 'zod';
import { id, listQuery, numberText, page, text, time } from './common.js';

const ID = '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6a';

/** Words that stand in the place of an id in some path. */
const RESERVED = ['stats', 'health', 'events', 'replay'];

const fullName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,99}\/[A-Za-z0-9_.-]{1,100}$/, 'must be owner/name')
  .describe('The repository as GitHub names it.');

const repositoryUrl = text(2000).refine(
  (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol),
  'must be an http or https URL',
);

const writable = {
  name: text(200, 1).describe('Without it, the repository’s.'),
  description: text(10_000),
  repositoryUrl,
  defaultBranch: text(255, 1),
  autoMergeEnabled: z.boolean().describe('The setting `auto_merge_enabled`.'),
  autoConfirmPlan: z.boolean().describe('The setting `auto_confirm_plan`.'),
};

const example = {
  id: ID,
  name: 'web',
  fullName: 'acme/web',
  description: 'The shop',
  repositoryUrl: 'https://github.com/acme/web',
  webhookUrl: `https://codegenapp.example.com/webhooks/${ID}`,
  defaultBranch: 'main',
  autoMergeEnabled: false,
  autoConfirmPlan: false,
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
  removedAt: null,
};

export const project = z
  .object({
    id,
    name: z.string(),
    fullName: z.string(),
    description: z.string(),
    repositoryUrl: z.string(),
    webhookUrl: z.string().describe('Where a plain webhook of the repository points to.'),
    defaultBranch: z.string(),
    autoMergeEnabled: z.boolean(),
    autoConfirmPlan: z.boolean(),
    createdAt: time,
    updatedAt: time,
    removedAt: time
      .nullable()
      .describe('When the repository was deleted or the App removed from it; its history stays.'),
  })
  .meta({ id: 'Project', examples: [example] });

export const projectPage = page(project);

export const newProject = z
  .strictObject({
    id: id
      .refine((value) => !RESERVED.includes(value.toLowerCase()), 'is a word of the API’s own')
      .optional()
      .describe('Made where missing.'),
    fullName,
    ...z.object(writable).partial().shape,
  })
  .meta({ id: 'NewProject', examples: [{ fullName: 'acme/web', autoMergeEnabled: true }] });

export const projectChanges = z
  .strictObject({ fullName, ...writable })
  .partial()
  .meta({ id: 'ProjectChanges', examples: [{ description: 'The shop', autoMergeEnabled: true }] });

export const projectQuery = z.strictObject({
  ...listQuery,
  fullName: text(200).optional().describe('owner/name, whatever the case.'),
  search: text(200).optional().describe('Part of the name, the full name or the description.'),
});

export const statsQuery = z.strictObject({
  projectId: id.optional(),
  days: numberText(1, 3650).optional().describe('The last so many days (UTC), today included.'),
});

const count = z.int().min(0);

export const stats = z
  .object({
    projects: count,
    pipelines: z.object({
      total: count,
      queued: count,
      running: count,
      success: count,
      failure: count,
      cancelled: count,
      timedOut: count,
      actionRequired: count,
      skipped: count,
      neutral: count,
    }),
    successRate: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .describe('Successes among those that succeeded, failed or timed out.'),
    averageDurationMs: count.nullable().describe('Of those that succeeded, failed or timed out.'),
    medianDurationMs: count.nullable().describe('Of the same, among the 1,000 that were completed last.'),
    agentRuns: count,
  })
  .meta({
    id: 'Stats',
    examples: [
      {
        projects: 3,
        pipelines: {
          total: 12,
          queued: 0,
          running: 1,
          success: 8,
          failure: 2,
          cancelled: 1,
          timedOut: 0,
          actionRequired: 0,
          skipped: 0,
          neutral: 0,
        },
        successRate: 0.8,
        averageDurationMs: 95_000,
        medianDurationMs: 81_000,
        agentRuns: 2,
      },
    ],
  });
