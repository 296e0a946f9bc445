/** The App's HTTP API in a test: every answer is checked against the OpenAPI document that the App serves. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import type { TestDatabases } from './databases.js';
import { Story, type StoryOptions } from './story.js';

interface Operation {
  operationId: string;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
export interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body, where it is JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface Call {
  body?: unknown;
  headers?: Record<string, string>;
  /** Without the operator's token. */
  anonymous?: boolean;
}

/** A Story on a database of its own. */
export async function storyOn(databases: TestDatabases, options: StoryOptions = {}): Promise<Story> {
  const where = await databases.place();
  return Story.begin({
    ...options,
    env: { ...(where.databaseUrl ? { DATABASE_URL: where.databaseUrl } : {}), ...options.env },
  });
}

export class ApiClient {
  private readonly validators = new Map<string, ValidateFunction>();
  /** `get /api/projects 200` and so on: what was seen. */
  readonly seen = new Set<string>();

  private constructor(
    readonly story: Story,
    readonly document: Document,
    private readonly ajv: Ajv2020,
  ) {}

  static async of(story: Story): Promise<ApiClient> {
    const document = (await (await fetch(`${story.url}/api/openapi.json`)).json()) as Document;
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
    ajvFormats.default(ajv);
    ajv.addKeyword('components');
    ajv.addSchema({ $id: 'api', components: document.components }, 'api');
    return new ApiClient(story, document, ajv);
  }

  get = (path: string, call?: Call) => this.call('get', path, call);
  post = (path: string, body?: unknown, call?: Call) => this.call('post', path, { ...call, body });
  put = (path: string, body?: unknown, call?: Call) => this.call('put', path, { ...call, body });
  delete = (path: string, call?: Call) => this.call('delete', path, call);

  /** Asks, and fails where the answer is not as the document says. */
  async call(method: string, path: string, { body, headers, anonymous }: Call = {}): Promise<Answer> {
    const response = await fetch(`${this.story.url}${path}`, {
      method: method.toUpperCase(),
      redirect: 'manual',
      headers: {
        ...(anonymous ? {} : { authorization: 'Bearer a token of the tests' }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const answer: Answer = {
      status: response.status,
      headers: response.headers,
      text,
      body: /json/.test(type) && text !== '' ? (JSON.parse(text) as unknown) : null,
    };
    this.check(method, path.split('?')[0]!, type.split(';')[0]!, answer);
    return answer;
  }

  /** Whether a value is as a schema of the document says. */
  expectSchema(name: string, value: unknown): void {
    this.validate(`#/components/schemas/${name}`, { $ref: `api#/components/schemas/${name}` }, value);
  }

  private check(method: string, path: string, type: string, answer: Answer): void {
    const found = this.operationOf(method, path);
    if (!found) {
      if (answer.status < 400) throw new Error(`${method} ${path} answers, but is not in the document`);
      this.expectSchema('Problem', answer.body);
      return;
    }
    const [template, operation] = found;
    const where = `${method} ${template} ${answer.status}`;
    this.seen.add(where);
    const declared = operation.responses[answer.status];
    if (!declared) throw new Error(`${where} is not in the document: ${answer.text.slice(0, 500)}`);
    const content = declared.content;
    if (!content) {
      if (answer.text !== '' && answer.status !== 206)
        throw new Error(`${where} has a body that is not in the document`);
      return;
    }
    const media = content[type];
    if (!media) throw new Error(`${where} answers ${type}, which is not in the document`);
    if (/json/.test(type)) this.validate(`${where} ${type}`, media.schema, answer.body);
  }

  /** @param key by which the compiled schema is kept */
  validate(key: string, schema: object, value: unknown): void {
    let validate = this.validators.get(key);
    if (!validate) {
      const text = JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/');
      validate = this.ajv.compile(JSON.parse(text) as object);
      this.validators.set(key, validate);
    }
    if (!validate(value))
      throw new Error(
        `${key}: not as the document says: ${this.ajv.errorsText(validate.errors)}\n${JSON.stringify(value)?.slice(0, 1000)}`,
      );
  }

  private operationOf(method: string, path: string): [string, Operation] | null {
    const templates = Object.keys(this.document.paths)
      .filter((template) => this.document.paths[template]![method])
      .sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')));
    const template = templates.find((candidate) =>
      new RegExp(`^${candidate.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    return template ? [template, this.document.paths[template]![method]!] : null;
  }
}
