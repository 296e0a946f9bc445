import { readFileSync } from 'node:fs';
import { Ajv, type AnySchemaObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/** One operation of GitHub's REST API, as extract-openapi.mjs writes it. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  parameters: {
    name: string;
    in: 'path' | 'query' | 'header';
    required?: boolean;
    multiSegment?: boolean;
    schema: AnySchemaObject;
  }[];
  body?: AnySchemaObject;
  bodyRequired?: boolean;
  /** Successful statuses; null where there is no JSON body. */
  answers: Record<string, AnySchemaObject | null>;
}

interface Extract {
  operations: Operation[];
  webhooks: Record<string, AnySchemaObject>;
  components: { schemas: Record<string, AnySchemaObject> };
}

export interface OperationMatch {
  operation: Operation;
  /** Path parameters, decoded. */
  params: Record<string, string>;
}

/** GitHub's description of its REST API and webhooks. Schemas are compiled when they are first needed. */
export class OpenApi {
  private static loaded: OpenApi | undefined;
  /** The description is read once per process. */
  static load(): OpenApi {
    return (OpenApi.loaded ??= new OpenApi(
      JSON.parse(
        readFileSync(new URL('../../fixtures/github-openapi.json', import.meta.url), 'utf8'),
      ) as Extract,
    ));
  }

  /** Whether values are compared with their schemas: not where the time that takes would be measured. */
  comparesValues = true;
  readonly operations: readonly Operation[];
  private readonly patterns: { operation: Operation; pattern: RegExp; names: string[] }[];
  private readonly webhooks: Extract['webhooks'];
  private readonly compiled = new Map<AnySchemaObject, ValidateFunction>();
  // The description is no schema of anybody's making here, so it is compiled as it is and fast.
  private readonly ajv = new Ajv({
    strict: false,
    allErrors: true,
    inlineRefs: false,
    validateSchema: false,
    meta: false,
    logger: false,
    code: { optimize: false },
  });

  private constructor(extract: Extract) {
    addFormats.default(this.ajv);
    this.ajv.addSchema({ $id: 'github', components: extract.components });
    this.operations = extract.operations;
    this.webhooks = extract.webhooks;
    this.patterns = extract.operations
      .map((operation) => ({
        operation,
        ...patternOf(operation),
        literals: operation.path.split('/').filter((part) => !part.startsWith('{')).length,
      }))
      .sort((a, b) => b.literals - a.literals);
  }

  /** The operation that a request means; `path` as it came, still percent-encoded. */
  match(method: string, path: string): OperationMatch | undefined {
    for (const { operation, pattern, names } of this.patterns) {
      const values = operation.method === method ? pattern.exec(path) : null;
      if (!values) continue;
      const params = Object.fromEntries(
        names.map((name, index) => [name, decodeURIComponent(values[index + 1] ?? '')]),
      );
      return { operation, params };
    }
    return undefined;
  }

  /** How a request breaks the description; empty when it does not. Fields it does not know are breaches too: GitHub would silently ignore them. */
  requestProblems({ operation, params }: OperationMatch, query: URLSearchParams, body: unknown): string[] {
    const problems: string[] = [];
    for (const parameter of operation.parameters) {
      const text =
        parameter.in === 'path' ? params[parameter.name] : (query.get(parameter.name) ?? undefined);
      if (text === undefined) {
        if (parameter.required) problems.push(`${parameter.name} is missing`);
        continue;
      }
      problems.push(...this.problems(parameter.schema, coerce(text, parameter.schema), parameter.name));
    }
    for (const name of new Set(query.keys())) {
      const known = operation.parameters.some(
        (parameter) => parameter.in === 'query' && parameter.name === name,
      );
      if (!known) problems.push(`${name} is no query parameter`);
    }
    if (body === undefined) {
      if (operation.bodyRequired) problems.push('the body is missing');
    } else if (operation.body) {
      problems.push(...this.problems(operation.body, body, 'body'));
      const known = propertiesOf(operation.body);
      if (typeof body === 'object' && body !== null && !Array.isArray(body) && known.length > 0) {
        for (const name of Object.keys(body))
          if (!known.includes(name)) problems.push(`body/${name} is unknown`);
      }
    } else {
      problems.push('it takes no body');
    }
    return problems;
  }

  /** How an answer of ours differs from what GitHub would answer. */
  answerProblems(operation: Operation, status: number, body: unknown): string[] {
    const schema = operation.answers[String(status)];
    if (schema === undefined) return status < 300 ? [`status ${status} is not described`] : [];
    return schema === null ? [] : this.problems(schema, body, 'answer');
  }

  /** How a webhook's payload differs from what GitHub would send. */
  payloadProblems(event: string, payload: { action?: unknown }): string[] {
    const name = [event, payload.action].filter((part) => typeof part === 'string').join('-');
    const schema = this.webhooks[name.replaceAll('_', '-')];
    return schema ? this.problems(schema, payload, 'payload') : [`there is no webhook ${name}`];
  }

  private problems(schema: AnySchemaObject, value: unknown, where: string): string[] {
    if (!this.comparesValues) return [];
    let validate = this.compiled.get(schema);
    if (!validate) this.compiled.set(schema, (validate = this.ajv.compile(schema)));
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      (error) => `${where}${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`,
    );
  }
}

function patternOf(operation: Operation): { pattern: RegExp; names: string[] } {
  const names: string[] = [];
  const source = operation.path
    .split(/\{(\w+)\}/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replaceAll('.', '\\.');
      names.push(part);
      const multi = operation.parameters.some((each) => each.name === part && each.multiSegment);
      return multi ? '(.+)' : '([^/]+)';
    })
    .join('')
    // The contents of the root have no path.
    .replace(/contents\/\(\.\+\)$/, 'contents(?:/(.*))?');
  return { pattern: new RegExp(`^${source}$`), names };
}

function coerce(text: string, schema: AnySchemaObject): unknown {
  const types = [schema, ...((schema['oneOf'] ?? schema['anyOf'] ?? []) as AnySchemaObject[])].map(
    (each) => each['type'] as unknown,
  );
  if (types.includes('integer') && /^-?\d+$/.test(text)) return Number(text);
  if (types.includes('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  return text;
}

function propertiesOf(schema: AnySchemaObject): string[] {
  const parts = ['oneOf', 'anyOf', 'allOf'].flatMap((key) => (schema[key] ?? []) as AnySchemaObject[]);
  return [...Object.keys((schema['properties'] ?? {}) as object), ...parts.flatMap(propertiesOf)];
}
