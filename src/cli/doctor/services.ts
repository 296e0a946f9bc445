/** The services that are asked where they are configured. */
import { z } from 'zod';
import { createCodegenClient } from '../../agent/client.js';
import { messageOf } from '../../domain/errors.js';
import { fail, ok, warn, type Check } from './contract.js';

const TIMEOUT_MS = 20_000;

export const codegen: Check = {
  name: 'Codegen',
  async run({ codegen }) {
    if (!codegen)
      return [
        warn(
          'Not configured: nothing is fixed by an agent.',
          'Set CODEGEN_API_KEY and CODEGEN_ORG_ID for that.',
        ),
      ];
    const { baseUrl, apiKey, orgId } = codegen;
    const probe = await createCodegenClient({ baseUrl, apiKey, organization: orgId }).probe();
    return [probe.ok ? ok(probe.detail) : fail(probe.problem, probe.advice)];
  },
};

const models = z.object({ models: z.array(z.object({ name: z.string() })) });

export const gemini: Check = {
  name: 'Gemini',
  async run({ gemini }) {
    if (!gemini) return [warn('Not configured: no AI review.', 'Set GEMINI_API_KEY for that.')];
    const { baseUrl, apiKey, model } = gemini;
    try {
      const response = await fetch(`${baseUrl}/v1beta/models?pageSize=1000`, {
        headers: { 'x-goog-api-key': apiKey },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.status === 400 || response.status === 401 || response.status === 403)
        return [fail(`The API key is refused (${response.status}).`, 'Set GEMINI_API_KEY to a valid key.')];
      if (!response.ok) return [fail(`${baseUrl} answers ${response.status}.`, 'Try again later.')];
      const { models: known } = models.parse(await response.json());
      if (known.some(({ name }) => name === `models/${model}`))
        return [ok(`The API key is accepted, and ${model} is available.`)];
      return [fail(`There is no model ${model}.`, `Set GEMINI_MODEL, e.g. to ${latest(known)}.`)];
    } catch (error) {
      return [
        fail(`${baseUrl} does not answer as it should: ${messageOf(error)}`, 'Check GEMINI_API_BASE_URL.'),
      ];
    }
  },
};

const latest = (known: { name: string }[]): string =>
  known
    .map(({ name }) => name.replace(/^models\//, ''))
    .filter((name) => /^gemini-[\d.]+-flash$/.test(name))
    .sort()
    .at(-1) ?? 'one of its list';
