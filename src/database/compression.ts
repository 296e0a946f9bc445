/** Payloads: a tenth of the bytes to hand over, to make durable and to carry over (see `npm run bench`). */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** The quickest that is worth it: 24 KB of a webhook take less than 0.1 ms. */
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

/** What compressed text begins with, and no payload, which is an object in JSON. */
export const COMPRESSED_TEXT = 'br:';

export const compress = (text: Uint8Array): Buffer => brotliCompressSync(text, QUICK);

/** For PostgreSQL, whose text holds no bytes. */
export const compressToText = (text: Uint8Array): string =>
  COMPRESSED_TEXT + compress(text).toString('base64');

/** Also takes what was stored before: text as it is. */
export function decompress(stored: string | Buffer): string {
  if (typeof stored !== 'string') return brotliDecompressSync(stored).toString();
  if (!stored.startsWith(COMPRESSED_TEXT)) return stored;
  return decompress(Buffer.from(stored.slice(COMPRESSED_TEXT.length), 'base64'));
}
