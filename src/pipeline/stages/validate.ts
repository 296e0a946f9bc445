import type { StageConclusion } from '../../domain/pipeline.js';
import type { Stage } from '../stage.js';

/** Has every validator look at the preview. */
export const validate: Stage = {
  name: 'validate',
  needs: ['setup', 'deploy'],
  async run({ preview, spec, tools, results, signal }) {
    if (!preview) return { conclusion: 'skipped', summary: 'No app was started' };
    const conclusions: StageConclusion[] = [];
    const summaries: string[] = [];
    for (const validator of tools.validators) {
      const { result, findings } = await validator.validate({
        preview,
        settings: spec.settings,
        results,
        signal,
      });
      results.validations.push({ validator: validator.name, ...result });
      results.findings.push(...findings);
      conclusions.push(result.conclusion);
      if (result.conclusion === 'failure') summaries.unshift(result.summary);
      else summaries.push(result.summary);
    }
    const breach = preview.breach();
    if (breach) return { conclusion: 'failure', summary: breach };
    const failed = conclusions.includes('failure');
    return {
      conclusion: failed ? 'failure' : conclusions.includes('success') ? 'success' : 'neutral',
      summary: summaries[0] ?? 'Nothing to look at',
    };
  },
};
