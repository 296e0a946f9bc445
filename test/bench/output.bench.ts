import { describe, it } from '@jest/globals';
import { compare } from './figures.js';
import { Bench } from './pull-requests.js';

const GB = 1_000_000_000;
const MB = 1_000_000;
const write = (bytes: number) =>
  `head -c ${bytes} < <(yes "A line of output, as long as lines of output often are.")`;

describe('output', () => {
  it('of 1 GB, in time and memory', async () => {
    const [much, little] = await Promise.all([Bench.begin(), Bench.begin()]);
    const repository = much.repository('acme/much', write(GB));
    await compare(
      { name: '1 GB of output, against > file', unit: 'ms', bound: { most: 1.3 } },
      async () => (await much.validate([repository]))[0]!.testMs,
      () => much.runPlainly([repository], write(GB)),
    );
    const other = little.repository('acme/little', write(MB));
    await compare(
      { name: '… peak memory of the server, against 1 MB', unit: 'MB', bound: { most: 1.2 } },
      () => Promise.resolve(much.server.peakBytes / 1e6),
      async () => {
        await little.validate([other]);
        return little.server.peakBytes / 1e6;
      },
    );
    await Promise.all([much.end(), little.end()]);
  });
});
