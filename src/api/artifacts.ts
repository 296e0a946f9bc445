import { join } from 'node:path';
import { Router } from 'express';
import { isId } from '../domain/ids.js';
import { Problem } from './problem.js';

const NAME = /^[A-Za-z0-9_-]{32}\.png$/;

/** Screenshots of pipelines. Open to everyone who knows the address, as GitHub's image proxy must see them. */
export function artifactRoutes(directory: string): Router {
  const router = Router();
  router.get('/artifacts/:pipelineId/:name', (request, response, next) => {
    const { pipelineId, name } = request.params;
    const missing = new Problem(404, 'Not found', 'There is no such image, or it is no longer kept.');
    if (!isId(pipelineId) || !NAME.test(name)) throw missing;
    response.sendFile(
      join(pipelineId, name),
      {
        root: directory,
        cacheControl: false,
        headers: {
          'content-type': 'image/png',
          'cache-control': 'public, max-age=31536000, immutable',
          'x-content-type-options': 'nosniff',
          'content-security-policy': "default-src 'none'",
          'referrer-policy': 'no-referrer',
        },
      },
      (error) => {
        if (error) next(response.headersSent ? error : missing);
      },
    );
  });
  return router;
}
