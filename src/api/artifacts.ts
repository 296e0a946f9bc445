import { Router } from 'express';
import { isId } from '../domain/ids.js';
import type { PipelineStorage } from '../storage/contract.js';
import { isScreenshotName } from '../storage/screenshot-name.js';
import { Problem } from './problem.js';

/** Screenshots of pipelines. Open to everyone who knows the address, as GitHub's image proxy must see them. */
export function artifactRoutes(storage: PipelineStorage): Router {
  const router = Router();
  router.get('/artifacts/:pipelineId/:name', async (request, response) => {
    const { pipelineId, name } = request.params;
    const png =
      isId(pipelineId) && isScreenshotName(name) ? await storage.screenshot(pipelineId, name) : null;
    if (!png) throw new Problem(404, 'Not found', 'There is no such image, or it is no longer kept.');
    response
      .set({
        'content-type': 'image/png',
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'",
        'referrer-policy': 'no-referrer',
      })
      .send(png);
  });
  return router;
}
