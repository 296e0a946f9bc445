import type { StageConclusion, ValidationResult } from '../../domain/pipeline.js';
import type { Validation, Validator } from '../../validators/contract.js';
import type { PipelineRun, Stage } from '../stage.js';

/** Has every validator look at the preview or the change. */
export const validate: Stage = {
  name: 'validate',
  needs: ['setup', 'deploy'],
  async run(run) {
    const { spec, tools, results, preview } = run;
    const seen: ValidationResult[] = [];
    let screenshot: Uint8Array | null = null;
    for (const validator of tools.validators) {
      const outcome = await look(validator, run, screenshot);
      if (!outcome) continue;
      const result = { validator: validator.name, ...outcome.result };
      if (outcome.screenshot) {
        screenshot = outcome.screenshot;
        const kept = await tools.keepScreenshot?.(spec.id, screenshot);
        if (kept) result.facts = { ...result.facts, screenshot: kept };
      }
      seen.push(result);
      results.validations.push(result);
      results.findings.push(...outcome.findings);
    }
    const breach = preview?.breach();
    if (breach) return { conclusion: 'failure', summary: breach };
    const having = (conclusion: StageConclusion) => seen.filter((result) => result.conclusion === conclusion);
    const failed = having('failure');
    if (failed.length > 0) return { conclusion: 'failure', summary: failed[0]!.summary };
    const passed = having('success');
    const said = [...passed, ...having('neutral')].map(({ summary }) => summary);
    if (said.length === 0)
      return { conclusion: 'skipped', summary: preview ? 'Nothing to look at' : 'No app was started' };
    return { conclusion: passed.length > 0 ? 'success' : 'neutral', summary: said.join('; ') };
  },
};

/** Null where there is nothing for this validator to look at. */
async function look(
  validator: Validator,
  run: PipelineRun,
  screenshot: Uint8Array | null,
): Promise<Validation | null> {
  const { preview, spec, tools, results, records, changes, signal } = run;
  const subject = {
    settings: spec.settings,
    results,
    stages: [...records.values()],
    changes,
    screenshot,
    ...(tools.tokens ? { tokens: tools.tokens } : {}),
    redact: (text: string) => tools.redactor.redact(text),
    signal,
  };
  if (validator.needs === 'change') return validator.validate({ ...subject, preview });
  return preview && validator.validate({ ...subject, preview });
}
