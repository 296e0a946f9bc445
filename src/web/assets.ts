/**
 * What pages load from us beside themselves: the style, the scripts of client/, icons. All are under one address that
 * changes with any of them, so browsers keep them for ever; open to everyone, as the login page needs them too.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { Router } from 'express';
import { Problem } from '../api/problem.js';
import { FAVICONS } from './icons.js';
import { STYLE } from './style.js';

interface Asset {
  type: string;
  content: Buffer;
  gzip: Buffer;
  brotli: Buffer;
}

let loaded: { hash: string; files: Map<string, Asset> } | null = null;

/** The address of an asset, e.g. `/assets/0123456789ab/style.css`. */
export const assetUrl = (name: string): string => `/assets/${assets().hash}/${name}`;

export function assetRoutes(): Router {
  const router = Router();
  router.get('/assets/:hash/:name', (request, response) => {
    const { hash, files } = assets();
    const asset = files.get(request.params.name);
    if (!asset) throw new Problem(404, 'Not found', 'There is no such asset.');
    const encoding = request.acceptsEncodings(['br', 'gzip', 'identity']);
    const body = encoding === 'br' ? asset.brotli : encoding === 'gzip' ? asset.gzip : asset.content;
    response.set({
      'Content-Type': asset.type,
      // A page of the version before may ask while a new one starts: that answer is not to be kept.
      'Cache-Control': request.params.hash === hash ? 'public, max-age=31536000, immutable' : 'no-store',
      Vary: 'Accept-Encoding',
    });
    if (body !== asset.content) response.set('Content-Encoding', encoding || 'identity');
    response.end(body);
  });
  return router;
}

function assets() {
  loaded ??= load();
  return loaded;
}

function load() {
  const files = new Map<string, Asset>();
  const add = (name: string, type: string, text: string) => {
    const content = Buffer.from(text);
    files.set(name, { type, content, gzip: gzipSync(content), brotli: brotliCompressSync(content) });
  };
  add('style.css', 'text/css; charset=utf-8', STYLE);
  for (const [name, svg] of Object.entries(FAVICONS)) add(`${name}.svg`, 'image/svg+xml', svg);
  for (const [name, text] of scripts()) add(name, 'text/javascript; charset=utf-8', text);
  const digest = createHash('sha256');
  for (const [name, { content }] of files) digest.update(name).update(content);
  return { hash: digest.digest('hex').slice(0, 12), files };
}

/** Compiled beside this file in dist/, or in dist/ when this runs from the TypeScript sources. */
function scripts(): [name: string, text: string][] {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = [join(here, 'client'), join(here, '../../dist/web/client')];
  const folder = places.find((place) => existsSync(join(place, 'pipeline.js')));
  if (folder === undefined) throw new Error('dist/web/client is missing: run `npm run build`');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.js'))
    .sort()
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')]);
}
