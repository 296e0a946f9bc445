/**
 * The kinds of value that a setting can hold. Each is a schema and the phrase that completes "must be …", from
 * which both the error sentences and the reference are made; the messages in the schemas begin with "must".
 */
import { z } from 'zod';
import { globProblem } from './glob.js';
import { nearest } from './nearest.js';

export interface Kind<Schema extends z.ZodType> {
  schema: Schema;
  expects: string;
}

const kind = <Schema extends z.ZodType>(expects: string, make: (error: string) => Schema): Kind<Schema> => ({
  expects,
  schema: make(`must be ${expects}`),
});

export const truth = () => kind('`true` or `false`', (error) => z.boolean({ error }));

export const wholeNumber = (from: number, to: number) =>
  kind(`a whole number from ${from} to ${to}`, (error) =>
    z.int({ error }).min(from, { error }).max(to, { error }),
  );

/** 0 to 100, or null while unset. */
export const score = () =>
  kind('a number from 0 to 100', (error) =>
    z.number({ error }).min(0, { error }).max(100, { error }).nullable(),
  );

export const choice = <const Value extends string>(...values: [Value, ...Value[]]) => {
  const expects = listed(values.map((value) => `\`${value}\``));
  return kind(expects, () =>
    z.enum(values, {
      error: ({ input }) => {
        const near = typeof input === 'string' ? nearest(input, values) : null;
        return `must be ${expects}${near === null ? '' : `; did you mean \`${near}\`?`}`;
      },
    }),
  );
};

/**
 * A shell script, or null while unset; an empty one is set and does nothing. The size keeps it within what
 * Linux takes as one argument (128 KiB, MAX_ARG_STRLEN). Line ends become \n, because browsers send \r\n.
 */
export const script = () =>
  kind('a shell script of at most 64 KiB: a text, or a list of texts that become its lines', (error) =>
    z
      // `true` is a command too, and YAML takes it for something else.
      .union([z.string(), z.boolean().transform(String), z.array(z.string())], { error })
      .transform((value) => (typeof value === 'string' ? value : value.join('\n')).replace(/\r\n?/g, '\n'))
      .refine((value) => Buffer.byteLength(value) <= 64 * 1024, { error })
      .refine((value) => !value.includes('\0'), { error: 'must not hold a NUL character' })
      .nullable(),
  );

export const prose = () =>
  kind('a text of at most 64 KiB', (error) =>
    z.string({ error }).refine((value) => Buffer.byteLength(value) <= 64 * 1024, { error }),
  );

/** Patterns of domain/glob.ts. Those that can never match a path of the repository are refused. */
export const globs = () =>
  list(
    0,
    100,
    'glob patterns',
    kind('a glob pattern of 1 to 500 characters', (error) =>
      z
        .string({ error })
        .min(1, { error })
        .max(500, { error })
        .superRefine((pattern, context) => {
          const problem = globProblem(pattern);
          const outside = /^!?(\/|\.\/)|(^!?|\/)\.\.(\/|$)/.test(pattern);
          const message =
            problem !== null
              ? `must be a glob pattern, but ${problem}`
              : outside
                ? "must be relative to the repository's top folder, without `/` or `./` before it and without `..`"
                : null;
          if (message !== null) context.addIssue({ code: 'custom', message });
        }),
    ),
  );

/** Where a page is found on the preview. Resolved against it, it must stay on it: `//host` would not. */
export const urlPath = () =>
  kind('a path that begins with `/` and stays on the preview, of at most 2000 characters', (error) =>
    z
      .string({ error })
      .max(2000, { error })

      .regex(/^\/[^\s\\\u0000-\u001f\u007f]*$/, { error })
      .refine((path) => URL.canParse(path, PREVIEW) && new URL(path, PREVIEW).origin === PREVIEW, { error }),
  );

const PREVIEW = 'http://preview.invalid';

export const urlPaths = () => list(1, 20, 'paths', urlPath());

/**
 * Environment variables: names to texts. Linux takes at most 128 KiB in one of them and, with the usual stack,
 * 2 MiB in all (execve(2)); these limits keep two such settings and ours well within.
 */
export const variables = () =>
  kind('a mapping of at most 100 names to texts', (error) =>
    z
      .record(z.string(), z.string({ error: 'must be a text; put a number, `true` or `false` in quotes' }), {
        error,
      })
      .superRefine((values, context) => {
        const names = Object.keys(values);
        const total = Object.entries(values).reduce(
          (sum, pair) => sum + Buffer.byteLength(pair.join('=')),
          0,
        );
        if (names.length > 100) context.addIssue({ code: 'custom', message: error });
        if (total > 256 * 1024) {
          context.addIssue({ code: 'custom', message: 'must hold at most 256 KiB in all' });
        }
        for (const name of names) {
          const message = nameProblem(name) ?? valueProblem(values[name]!);
          if (message !== null) context.addIssue({ code: 'custom', path: [name], message });
        }
      }),
  );

/** What every command gets from us. */
export const RESERVED_VARIABLES = [
  'CI',
  'CODEGENAPP',
  'PR_NUMBER',
  'HEAD_SHA',
  'HEAD_REF',
  'BASE_REF',
  'REPOSITORY',
  'PORT',
  'DEPLOY_URL',
  'CODEGENAPP_OUTPUT',
] as const;

/**
 * The C library reads these in every program, also in those that build the sandbox and run outside of it: they
 * would load code out of the workspace there. Everything else only acts on what the scripts start themselves.
 */
const LOADER_VARIABLES = /^(LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH)$/;

function nameProblem(name: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name)) {
    return 'must have a name of at most 255 letters, digits and `_` that does not begin with a digit';
  }
  if ((RESERVED_VARIABLES as readonly string[]).includes(name)) {
    return 'must have another name, because CodegenApp sets this one itself; a script can still change it with `export`';
  }
  if (LOADER_VARIABLES.test(name)) {
    return 'must have another name, because this one would also act outside of the sandbox; `export` it in the script instead';
  }
  return null;
}

function valueProblem(value: string): string | null {
  if (Buffer.byteLength(value) > 32 * 1024) return 'must be a text of at most 32 KiB';
  return value.includes('\0') ? 'must not hold a NUL character' : null;
}

function list<Item extends z.ZodType>(least: number, most: number, things: string, item: Kind<Item>) {
  return kind(`a list of ${least === 0 ? 'at most' : `${least} to`} ${most} ${things}`, (error) =>
    z.array(item.schema, { error }).min(least, { error }).max(most, { error }),
  );
}

/** "a, b or c" */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
