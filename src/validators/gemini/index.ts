import type { Config } from '../../config.js';
import { messageOf } from '../../domain/errors.js';
import { skipped, type Validation, type Validator } from '../contract.js';
import type { AskOptions } from './ask.js';
import { INSTRUCTIONS, reviewPrompt } from './prompt.js';
import { judgeVerdict } from './verdict.js';

/** Of one project and day (UTC). A review takes 5,000 to 50,000. */
export const TOKENS_PER_DAY = 2_000_000;

/** Has Gemini review the change by the repository's rules. Whatever the service does, it is never a failure. */
export function gemini(
  access: Config['gemini'],
  patience: Pick<AskOptions, 'totalMs' | 'pauseMs'> = {},
): Validator {
  return {
    name: 'gemini',
    needs: 'change',
    async validate({ settings, results, stages, changes: ask, screenshot, tokens, redact, signal }) {
      const { ai_review: mode, repository_rules: rules } = settings;
      if (mode === 'off') return skipped('ai_review is off');
      if (!access) return skipped('Not reviewed: GEMINI_API_KEY is not set on the server');
      const changes = await ask();
      if (changes === null) return skipped('Not reviewed: there is no change to compare with');
      if (changes.length === 0) return skipped('Not reviewed: nothing is changed');
      const spent = await tokens?.spentToday();
      if (spent !== undefined && spent >= TOKENS_PER_DAY)
        return neutral(
          `Not reviewed: this project's reviews took ${spent.toLocaleString('en-US')} tokens today, ` +
            `the limit is ${TOKENS_PER_DAY.toLocaleString('en-US')}`,
        );

      const prompt = reviewPrompt({ rules, changes, stages, results });
      // With the client library, which most servers never need.
      const { askGemini } = await import('./ask.js');
      const answer = await askGemini(access, {
        instructions: INSTRUCTIONS,
        prompt: redact ? redact(prompt) : prompt,
        screenshot,
        signal,
        ...patience,
      });
      let uncounted = '';
      if (answer.tokens.total > 0)
        await tokens?.spend(answer.tokens.total).catch((error: unknown) => (uncounted = messageOf(error)));
      const validation = answer.verdict
        ? judgeVerdict(answer.verdict, changes, mode)
        : neutral(`Not reviewed by Gemini: ${answer.problem}`);
      validation.result.facts = {
        ...validation.result.facts,
        model: access.model,
        promptTokens: answer.tokens.prompt,
        outputTokens: answer.tokens.output,
        totalTokens: answer.tokens.total,
        ...(uncounted ? { uncounted } : {}),
      };
      return validation;
    },
  };
}

const neutral = (summary: string): Validation => ({
  result: { conclusion: 'neutral', summary },
  findings: [],
});
