/** The OpenAPI document, made of the routes' own schemas. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { VERSION } from '../version.js';
import type { RouteSpec } from './route.js';
import { logEvent, settings } from './schemas/index.js';
import { problem } from './schemas/common.js';

type Json = Record<string, unknown>;

/** OpenAPI 3.1 of the routes. */
export function openApiDocument(specs: readonly RouteSpec[]): Json {
  const components = new Map<string, unknown>();
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => hoist(schema, io, components);
  // Named in descriptions and events rather than answers.
  for (const schema of [settings, logEvent]) schemaOf(schema, 'output');

  const paths: Record<string, Json> = {};
  for (const spec of specs) {
    const item = (paths[spec.path] ??= {});
    item[spec.method] = {
      operationId: spec.operationId,
      summary: spec.summary,
      tags: [spec.tag],
      ...(spec.open ? { security: [] } : {}),
      parameters: [
        ...parametersOf(spec.params, 'path', schemaOf),
        ...parametersOf(spec.query, 'query', schemaOf),
      ],
      ...(spec.body
        ? {
            requestBody: {
              required: !spec.body.safeParse(undefined).success,
              content: { 'application/json': { schema: schemaOf(spec.body, 'input') } },
            },
          }
        : {}),
      responses: responsesOf(spec, schemaOf),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'CodegenApp',
      version: VERSION,
      description: 'Validates pull requests for real. Times are ISO 8601 in UTC, lists newest first.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { cookie: [] }],
    paths,
    components: {
      schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'API_TOKEN' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'codegenapp_session', description: 'GET /login' },
      },
    },
  };
}

/** Of bodies that are no JSON. */
const EXAMPLES: Record<string, string> = {
  'text/plain': 'ok 1 - adds up\n',
  'text/event-stream': 'id: 1:0.0.0.0.21.0\nevent: log\ndata: {"stage":"test","line":"ok 1 - adds up"}\n\n',
};

/** The JSON Schema of one schema; those with a name become components. */
function hoist(schema: z.ZodType, io: 'input' | 'output', components: Map<string, unknown>): Json {
  const { $defs = {}, ...own } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  });
  const relocate = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [name, definition] of Object.entries($defs)) components.set(name, relocate(named(definition)));
  const { id } = own as { id?: string };
  const rest = named(own);
  if (id === undefined) return relocate(rest) as Json;
  components.set(id, relocate(rest));
  return { $ref: `#/components/schemas/${id}` };
}

/** `id` is how a schema got its name, and means nothing in JSON Schema. */
const named = (definition: Json): Json =>
  Object.fromEntries(Object.entries(definition).filter(([name]) => name !== 'id' && name !== '$schema'));

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Json;

function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query', schemaOf: SchemaOf): Json[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, of]) => {
    const { description, ...json } = schemaOf(of, 'input');
    return {
      name,
      in: where,
      required: where === 'path' || !of.safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: json,
    };
  });
}

function responsesOf(spec: RouteSpec, schemaOf: SchemaOf): Json {
  const { status, description, schema, type, headers = {} } = spec.answer;
  const content = schema
    ? { 'application/json': { schema: schemaOf(schema, 'output') } }
    : type
      ? { [type]: { schema: { type: 'string', examples: [EXAMPLES[type]] } } }
      : null;
  const responses: Json = {
    [status]: {
      description,
      ...(Object.keys(headers).length > 0
        ? {
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, text]) => [
                name,
                { description: text, schema: { type: 'string' } },
              ]),
            ),
          }
        : {}),
      ...(content ? { content } : {}),
    },
  };
  const ofProblem = (code: number, text: string) => ({
    description: text,
    content: {
      'application/problem+json': {
        schema: schemaOf(problem, 'output'),
        example: { title: STATUS_CODES[code], status: code, detail: text },
      },
    },
  });
  for (const [code, other] of Object.entries({ ...impliedErrors(spec), ...spec.also }))
    if (typeof other === 'object')
      responses[code] = {
        description: other.description,
        content: {
          'application/json': {
            schema: schemaOf(other.schema, 'output'),
            ...(other.example === undefined ? {} : { example: other.example }),
          },
        },
      };
    else responses[code] = Number(code) >= 400 ? ofProblem(Number(code), other!) : { description: other };
  responses['default'] = ofProblem(500, 'Another error; a fault of ours is 500.');
  return responses;
}

/** The errors that follow from what a route takes. */
function impliedErrors(spec: RouteSpec): Record<number, string | undefined> {
  const writes = spec.method !== 'get';
  return {
    // Also what is not to be had: a query or body where none is taken, a path with a broken escape.
    ...(spec.tag !== 'Server' ? { 400: 'A field or parameter is wrong, missing or unknown.' } : {}),
    ...(spec.open ? {} : { 401: 'No token, or a wrong one.', 403: 'A foreign host name or origin.' }),
    ...(spec.params ? { 404: STATUS_CODES[404]! } : {}),
    ...(writes ? { 413: 'The body is over 1 MB.', 415: 'The body is not JSON.' } : {}),
    ...(spec.open ? {} : { 429: 'Too many failed logins.', 503: 'The database does not answer.' }),
  };
}
