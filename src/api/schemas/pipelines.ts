import { z } from 'zod';
import { TRIGGERS } from '../../database/entities/validation-pipeline.js';
import { CONCLUSIONS, PIPELINE_STATUSES, SEVERITIES, STAGE_NAMES } from '../../domain/pipeline.js';
import { id, listQuery, numberText, page, pullRequestNumber, time } from './common.js';

const conclusion = z.enum(CONCLUSIONS);

const stage = z
  .object({
    name: z.enum(STAGE_NAMES),
    status: z.enum(PIPELINE_STATUSES),
    conclusion: conclusion.nullable(),
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    summary: z.string(),
  })
  .meta({
    id: 'Stage',
    examples: [
      {
        name: 'test',
        status: 'completed',
        conclusion: 'failure',
        startedAt: '2026-01-31T12:00:20.000Z',
        completedAt: '2026-01-31T12:00:41.000Z',
        summary: '1 of 7 tests failed',
      },
    ],
  });

const blame = z
  .enum(['new', 'base', 'flaky'])
  .optional()
  .describe('New with this pull request, failing on the base branch too, or failing at times.');

const finding = z
  .object({
    source: z.string(),
    severity: z.enum(SEVERITIES),
    title: z.string(),
    message: z.string(),
    path: z.string().optional(),
    startLine: z.int().optional(),
    endLine: z.int().optional(),
    details: z.string().optional(),
    blame,
  })
  .meta({
    id: 'Finding',
    examples: [
      {
        source: 'test',
        severity: 'failure',
        title: 'tax is added',
        message: 'Expected values to be strictly equal: 684 !== 384',
        path: 'test/cart.test.js',
        startLine: 14,
        endLine: 14,
        blame: 'new',
      },
    ],
  });

const testReport = z
  .object({
    formats: z.array(z.string()),
    passed: z.int(),
    failed: z.int(),
    skipped: z.int(),
    durationMs: z.number().nullable(),
    cases: z.array(
      z.object({
        suite: z.string(),
        name: z.string(),
        status: z.enum(['passed', 'failed', 'skipped']),
        durationMs: z.number().nullable(),
        file: z.string().optional(),
        line: z.int().optional(),
        message: z.string().optional(),
        details: z.string().optional(),
        flaky: z.boolean().optional(),
        blame,
      }),
    ),
    notes: z.array(z.string()),
  })
  .meta({
    id: 'TestReport',
    examples: [
      {
        formats: ['junit'],
        passed: 6,
        failed: 1,
        skipped: 0,
        durationMs: 881,
        cases: [
          {
            suite: 'cart',
            name: 'tax is added',
            status: 'failed',
            durationMs: 4,
            file: 'test/cart.test.js',
            line: 14,
            message: 'Expected values to be strictly equal: 684 !== 384',
            blame: 'new',
          },
        ],
        notes: [],
      },
    ],
  });

const coverage = z
  .object({
    formats: z.array(z.string()),
    coveredLines: z.int(),
    totalLines: z.int(),
    percent: z.number().nullable(),
    changedPercent: z.number().nullable(),
    basePercent: z.number().nullish(),
  })
  .meta({
    id: 'Coverage',
    examples: [
      {
        formats: ['lcov'],
        coveredLines: 180,
        totalLines: 200,
        percent: 90,
        changedPercent: 75,
        basePercent: 91.5,
      },
    ],
  });

const validation = z
  .object({
    validator: z.string(),
    conclusion,
    summary: z.string(),
    scores: z.record(z.string(), z.number()).optional(),
    baseScores: z.record(z.string(), z.number()).optional(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  })
  .meta({
    id: 'Validation',
    examples: [
      {
        validator: 'lighthouse',
        conclusion: 'success',
        summary: 'Accessibility 96, performance 88',
        scores: { accessibility: 96, performance: 88 },
        baseScores: { accessibility: 96, performance: 90 },
        facts: { path: '/' },
      },
    ],
  });

/** What lists answer: all but what a pipeline found out. */
const summary = {
  id,
  projectId: id,
  pullRequestNumber: pullRequestNumber.nullable().describe('Null for a merge group or the base branch.'),
  pullRequestUrl: z.string(),
  title: z.string(),
  author: z.string(),
  headSha: z.string(),
  headRef: z.string(),
  baseRef: z.string(),
  isFork: z.boolean(),
  trigger: z.enum(TRIGGERS),
  status: z.enum(PIPELINE_STATUSES),
  conclusion: conclusion.nullable(),
  reason: z.string().nullable().describe('One sentence: why it was skipped, cancelled, waits or failed.'),
  currentStep: z.enum(STAGE_NAMES).nullable(),
  progressPercentage: z.int().min(0).max(100),
  attempt: z.int().describe('The nth try after a crash of ours.'),
  retryCount: z.int().describe('How many automatic fixes led here.'),
  deploymentUrl: z.string().nullable(),
  agentRunId: id.nullable(),
  errorMessage: z.string().nullable().describe('A fault of ours, and only that.'),
  createdAt: time,
  startedAt: time.nullable(),
  updatedAt: time,
  completedAt: time.nullable(),
};

const example = {
  id: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6c',
  projectId: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6a',
  pullRequestNumber: 7,
  pullRequestUrl: 'https://github.com/acme/web/pull/7',
  title: 'Add delivery times',
  author: 'octocat',
  headSha: '6dcb09b5b57875f334f61aebed695e2e4193db5e',
  headRef: 'delivery',
  baseRef: 'main',
  isFork: false,
  trigger: 'api' as const,
  status: 'in_progress' as const,
  conclusion: null,
  reason: null,
  currentStep: 'test' as const,
  progressPercentage: 65,
  attempt: 1,
  retryCount: 0,
  deploymentUrl: 'http://127.0.0.1:40321',
  agentRunId: null,
  errorMessage: null,
  createdAt: '2026-01-31T12:00:00.000Z',
  startedAt: '2026-01-31T12:00:00.300Z',
  updatedAt: '2026-01-31T12:00:41.000Z',
  completedAt: null,
};

export const pipelineSummary = z.object(summary).meta({ id: 'PipelineSummary', examples: [example] });
export const pipelinePage = page(pipelineSummary);

export const pipeline = z
  .object({
    ...summary,
    stages: z.array(stage).describe('In their order; empty before the pipeline is begun.'),
    findings: z.array(finding),
    tests: testReport.nullable(),
    coverage: coverage.nullable(),
    validations: z.array(validation),
    notes: z.array(z.string()),
  })
  .meta({
    id: 'Pipeline',
    examples: [
      { ...example, stages: [], findings: [], tests: null, coverage: null, validations: [], notes: [] },
    ],
  });

export const pipelineQuery = z.strictObject({
  ...listQuery,
  status: z.enum(PIPELINE_STATUSES).optional(),
  conclusion: conclusion.optional(),
  pullRequestNumber: numberText(1, 2 ** 31 - 1).optional(),
  headSha: z
    .string()
    .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/)
    .optional(),
});

export const pipelineStart = z
  .strictObject({ pullRequestNumber })
  .meta({ id: 'PipelineStart', examples: [{ pullRequestNumber: 7 }] });

export const logQuery = z.strictObject({
  stage: z.enum(STAGE_NAMES).optional().describe('One stage; all of them, with a header line each, without.'),
});

export const logEvent = z
  .object({ stage: z.enum(STAGE_NAMES), line: z.string() })
  .meta({ id: 'LogEvent', examples: [{ stage: 'test', line: 'ok 1 - adds up' }] });
