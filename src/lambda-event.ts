/** What AWS sends and takes, as plain HTTP: REST APIs (v1), HTTP APIs and Function URLs (both v2). */
import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyResult,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda';

/** A Function URL sends what an HTTP API sends. */
export type LambdaEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2;
export type LambdaResult = APIGatewayProxyResult | APIGatewayProxyStructuredResultV2;

export interface HttpRequest {
  method: string;
  /** With the query, as in a request line. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Buffer;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string | string[]>;
  body: Buffer;
}

const isV2 = (event: LambdaEvent): event is APIGatewayProxyEventV2 =>
  'version' in event && event.version === '2.0';

/** @throws TypeError where the event is none of HTTP, as from a schedule or a test in the console */
export function requestOf(event: LambdaEvent): HttpRequest {
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (isV2(event)) {
    const { http, stage } = event.requestContext;
    const headers = lowerCase(event.headers);
    // Cookies are the one header that comes apart.
    if (event.cookies?.length) headers['cookie'] = event.cookies.join('; ');
    const query = event.rawQueryString ? `?${event.rawQueryString}` : '';
    return { method: http.method, url: withoutStage(event.rawPath, stage) + query, headers, body };
  }
  if (typeof event.httpMethod !== 'string')
    throw new TypeError('The event is no HTTP request of a REST API, an HTTP API or a Function URL.');
  return {
    method: event.httpMethod,
    url: event.path + queryOf(event),
    headers: { ...lowerCase(event.headers), ...lowerCase(joined(event.multiValueHeaders)) },
    body,
  };
}

/** The answer in the form in which the sender of this event takes it. */
export function resultFor(event: LambdaEvent, { status, headers, body }: HttpResponse): LambdaResult {
  // What is compressed is no text any more.
  const text = headers['content-encoding'] === undefined && isText(headers['content-type']);
  const common = {
    statusCode: status,
    body: body.toString(text ? 'utf8' : 'base64'),
    isBase64Encoded: !text,
  };
  const { 'set-cookie': cookies = [], ...others } = headers;
  const listed = [cookies].flat();
  const single = Object.fromEntries(
    Object.entries(others).map(([name, value]) => [name, [value].flat().join(', ')]),
  );
  if (isV2(event)) return { ...common, headers: single, ...(listed.length > 0 ? { cookies: listed } : {}) };
  return {
    ...common,
    headers: single,
    ...(listed.length > 0 ? { multiValueHeaders: { 'set-cookie': listed } } : {}),
  };
}

/** An HTTP API of a stage of its own has the stage's name before the path. */
function withoutStage(path: string, stage: string): string {
  const prefix = `/${stage}`;
  if (stage === '$default' || (path !== prefix && !path.startsWith(`${prefix}/`))) return path;
  return path.slice(prefix.length) || '/';
}

function queryOf(event: APIGatewayProxyEvent): string {
  // Decoded by the gateway, and with repeated names in the one field only.
  const pairs = Object.entries(event.multiValueQueryStringParameters ?? {}).flatMap(([name, values]) =>
    (values ?? []).map((value): [string, string] => [name, value]),
  );
  return pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : '';
}

const joined = (headers: APIGatewayProxyEvent['multiValueHeaders'] | null) =>
  Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, values]) => [
      name,
      values?.join(name.toLowerCase() === 'cookie' ? '; ' : ', '),
    ]),
  );

const lowerCase = (headers: Record<string, string | undefined> | null): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), value]],
    ),
  );

const isText = (type: string | string[] | undefined): boolean =>
  type === undefined ||
  /^(text\/|application\/([\w.-]+\+)?(json|xml)|application\/javascript|image\/svg)/.test(String(type));
