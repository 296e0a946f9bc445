import { z } from 'zod';

/** Text that both databases can hold: PostgreSQL refuses NUL. */
export const text = (max: number, min = 0) =>
  z
    .string()
    .min(min)
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not hold a NUL character');

/** Ids of ours are UUIDs; a project may have been given another one. */
export const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,35}$/)
  .meta({ examples: ['0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6a'] });

export const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] });

/** GitHub's number, within what an integer column holds. */
export const pullRequestNumber = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

/** A number in a query string. */
export const numberText = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min).max(max));

export const MAX_LIMIT = 200;

/** Of every list. */
export const listQuery = {
  limit: numberText(1, MAX_LIMIT).default(50).describe('How many at most: 1 to 200, 50 where missing.'),
  cursor: z
    .string()
    .max(100)
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
    .pipe(id)
    .optional()
    .describe('`nextCursor` of the page before.'),
};

/** One page, newest first. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z
    .object({
      items: z.array(item),
      nextCursor: z.string().nullable().describe('For `?cursor=`; null on the last page.'),
    })
    .meta({ examples: [{ items: item.meta()?.['examples'] as z.input<Item>[], nextCursor: null }] });

export const problem = z
  .object({
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    errors: z
      .array(z.object({ path: z.string().describe('Where in the body or the query.'), message: z.string() }))
      .optional(),
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457 problem details.',
    examples: [
      {
        title: 'Bad request',
        status: 400,
        detail: 'The body has a mistake: fullName: must be owner/name.',
        errors: [{ path: 'fullName', message: 'must be owner/name' }],
      },
    ],
  });

/** The OpenAPI document itself. */
export const document = z
  .record(z.string(), z.unknown())
  .meta({ examples: [{ openapi: '3.1.0', info: { title: 'CodegenApp' }, paths: {} }] });
