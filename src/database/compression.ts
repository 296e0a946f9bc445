/** Payloads in SQLite: a tenth of the bytes to write, to make durable and to carry over (see `npm run bench`). */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** The quickest that is worth it: 24 KB of a webhook take less than 0.1 ms. */
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

export const compress = (text: Uint8Array): Buffer => brotliCompressSync(text, QUICK);

/** Also takes what was stored before: text as it is. */
export const decompress = (stored: string | Buffer): string =>
  typeof stored === 'string' ? stored : brotliDecompressSync(stored).toString();
