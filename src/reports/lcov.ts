/** LCOV tracefiles, as geninfo(1) describes them and Istanbul, c8, grcov and others write them. */
import type { Format } from './contract.js';
import { LineHits } from './line-hits.js';
import { decode } from './text.js';

export const lcov: Format = {
  recognise: (text) => {
    const head = text.slice(0, 20_000);
    return /^SF:/m.test(head) && /^(?:DA|FN|FNF|LF|BRF|BRDA|FNDA):|^end_of_record/m.test(head);
  },
  read(content) {
    const hits = new LineHits();
    let file: string | null = null;
    for (const line of decode(content).split('\n')) {
      if (line.startsWith('SF:')) file = line.slice(3).trim();
      else if (line.startsWith('end_of_record')) file = null;
      else if (file !== null && line.startsWith('DA:')) {
        const [number, count] = line.slice(3).split(',');
        hits.add(file, Number(number), Number(count));
      }
    }
    return { kind: 'coverage', format: 'lcov', files: hits.files(), roots: [] };
  },
};
