import type { PipelineResults } from '../domain/pipeline.js';
import { isPublicUrl } from '../github/text.js';
import type { PipelineStorage } from '../storage/contract.js';

/** The names of a pipeline's screenshots, as they were kept. */
export const screenshotsIn = ({ validations }: Pick<PipelineResults, 'validations'>): string[] =>
  validations.flatMap(({ facts }) => (typeof facts?.['screenshot'] === 'string' ? facts['screenshot'] : []));

/** Larger ones are not sent along; their address is. Lighthouse's have some 100 KB. */
const MAX_SENT_BYTES = 2 * 1024 * 1024;

/** The first screenshot, to be sent to the agent: as a data URI, and its address where it can be reached. */
export async function screenshotToSend(
  storage: PipelineStorage,
  publicUrl: string,
  results: PipelineResults | null,
): Promise<{ image: string | null; url: string | null } | null> {
  const [path] = results ? screenshotsIn(results) : [];
  const [, pipelineId, name] = /^([\w-]{1,36})\/([\w-]{1,64}\.png)$/.exec(path ?? '') ?? [];
  if (pipelineId === undefined || name === undefined) return null;
  const url = isPublicUrl(publicUrl) ? `${publicUrl}/artifacts/${path}` : null;
  const png = await storage.screenshot(pipelineId, name).catch(() => null);
  if (!png || png.length > MAX_SENT_BYTES) return { image: null, url };
  return { image: `data:image/png;base64,${png.toString('base64')}`, url };
}
