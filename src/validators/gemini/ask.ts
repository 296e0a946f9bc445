/** One question to the Gemini API, tried a few times within a limit. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SchemaType, type Part, type ResponseSchema } from '@google/generative-ai';
import type { Config } from '../../config.js';
import { messageOf } from '../../domain/errors.js';
import { verdictSchema, type Verdict } from './verdict.js';

export type GeminiAccess = NonNullable<Config['gemini']>;

export interface AskOptions {
  instructions: string;
  prompt: string;
  screenshot: Uint8Array | null;
  signal: AbortSignal;
  /** For all tries together. */
  totalMs?: number;
  /** Before the second try; twice that before the third. */
  pauseMs?: number;
}

export interface Answer {
  /** Null where there is none to be had; `problem` says why then. */
  verdict: Verdict | null;
  problem: string;
  /** Spent by all tries. */
  tokens: { prompt: number; output: number; total: number };
}

const TRIES = 3;
const TOTAL_MS = 90_000;
const PAUSE_MS = 2_000;
const OUTPUT_TOKENS = 16_384;

const string = { type: SchemaType.STRING } as const;
const RESPONSE_SCHEMA = {
  type: SchemaType.OBJECT,
  properties: {
    summary: string,
    rules: {
      type: SchemaType.ARRAY,
      items: {
        type: SchemaType.OBJECT,
        properties: { rule: string, passed: { type: SchemaType.BOOLEAN }, reason: string },
        required: ['rule', 'passed', 'reason'],
      },
    },
    findings: {
      type: SchemaType.ARRAY,
      items: {
        type: SchemaType.OBJECT,
        properties: {
          path: string,
          line: { type: SchemaType.INTEGER },
          severity: { type: SchemaType.STRING, format: 'enum', enum: ['failure', 'warning', 'notice'] },
          message: string,
          confidence: { type: SchemaType.NUMBER },
        },
        required: ['path', 'line', 'severity', 'message', 'confidence'],
      },
    },
  },
  required: ['summary', 'rules', 'findings'],
} satisfies ResponseSchema;

/** Never throws but for the signal's reason: what the service does is not the pull request's fault. */
export async function askGemini(access: GeminiAccess, options: AskOptions): Promise<Answer> {
  const { totalMs = TOTAL_MS, pauseMs = PAUSE_MS, screenshot } = options;
  const late = AbortSignal.timeout(totalMs);
  const signal = AbortSignal.any([options.signal, late]);
  // Loaded only where it is used.
  const { GoogleGenerativeAI } = await import('@google/generative-ai');
  const model = new GoogleGenerativeAI(access.apiKey).getGenerativeModel(
    {
      model: access.model,
      systemInstruction: options.instructions,
      generationConfig: {
        responseMimeType: 'application/json',
        responseSchema: RESPONSE_SCHEMA,
        temperature: 0,
        maxOutputTokens: OUTPUT_TOKENS,
      },
    },
    { baseUrl: access.baseUrl },
  );
  const parts: Part[] = [{ text: options.prompt }];
  if (screenshot)
    parts.push({ inlineData: { mimeType: 'image/png', data: Buffer.from(screenshot).toString('base64') } });

  const answer: Answer = {
    verdict: null,
    problem: '',
    tokens: { prompt: 0, output: 0, total: 0 },
  };
  for (let tried = 1; ; tried++) {
    let again: boolean;
    try {
      const { response } = await model.generateContent({ contents: [{ role: 'user', parts }] }, { signal });
      const usage = response.usageMetadata;
      answer.tokens.prompt += usage?.promptTokenCount ?? 0;
      answer.tokens.total += usage?.totalTokenCount ?? 0;
      // Thinking is output too, and counted in the total alone.
      answer.tokens.output = answer.tokens.total - answer.tokens.prompt;
      const read = readAnswer(response);
      if ('verdict' in read) return { ...answer, ...read, problem: '' };
      ({ problem: answer.problem, again } = read);
    } catch (error) {
      options.signal.throwIfAborted();
      ({ problem: answer.problem, again } = explain(error, late.aborted, totalMs));
    }
    if (!again || tried === TRIES || late.aborted) return answer;
    await sleep(pauseMs * tried, undefined, { signal }).catch(() => undefined);
    options.signal.throwIfAborted();
    if (late.aborted) return answer;
  }
}

interface Response {
  promptFeedback?: { blockReason?: string };
  candidates?: { finishReason?: string }[];
  text(): string;
}

function readAnswer(response: Response): { verdict: Verdict } | { problem: string; again: boolean } {
  const blocked = response.promptFeedback?.blockReason;
  if (blocked) return { problem: `it was blocked by Gemini's safety settings (${blocked})`, again: false };
  const reason = response.candidates?.[0]?.finishReason;
  if (reason && ['SAFETY', 'RECITATION', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'].includes(reason))
    return { problem: `its answer was blocked by Gemini's safety settings (${reason})`, again: false };
  try {
    const verdict = verdictSchema.safeParse(JSON.parse(response.text()));
    if (verdict.success) return { verdict: verdict.data };
  } catch {
    // Not JSON: told below.
  }
  return reason === 'MAX_TOKENS'
    ? { problem: 'its answer was cut off', again: true }
    : { problem: 'its answer was not the JSON that was asked for', again: true };
}

function explain(error: unknown, late: boolean, totalMs: number): { problem: string; again: boolean } {
  if (late) return { problem: `it did not answer within ${totalMs / 1000} s`, again: false };
  const status = (error as { status?: unknown }).status;
  if (status === 429) return { problem: 'its quota is used up (429)', again: true };
  if (status === 400 || status === 401 || status === 403 || status === 404) {
    const what = `Gemini refused the request (${status}): check GEMINI_API_KEY and GEMINI_MODEL`;
    return { problem: what, again: false };
  }
  if (typeof status === 'number') return { problem: `Gemini answered ${status}`, again: true };
  const words = messageOf(error).replace(/https?:\S+/g, 'the API');
  return { problem: `Gemini could not be reached: ${words.slice(0, 200)}`, again: true };
}
