import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { compare, ROUNDS } from './figures.js';
import { Bench } from './pull-requests.js';
import { startSender } from './sender.js';

const STAGES_WITH_SANDBOX = 2;
const SANDBOX_MS = 50;
const AT_ONCE = 20;

describe('a pipeline', () => {
  let bench: Bench;
  beforeAll(async () => {
    // All at once, as the scripts are.
    bench = await Bench.begin({ CONCURRENCY: String(AT_ONCE) });
  });
  afterAll(() => bench.end());

  const against = (name: string, test: string, most: number, staggerMs?: number) => {
    const allowed = STAGES_WITH_SANDBOX * SANDBOX_MS;
    const repository = bench.repository(`acme/${name.replaceAll(' ', '-')}`, test);
    return compare(
      {
        name: `pipeline ${name}, against one bash script`,
        unit: 'ms',
        bound: { most },
        staggerMs,
        note: `clone to completed, less ${SANDBOX_MS} ms for each of ${STAGES_WITH_SANDBOX} sandboxes`,
      },
      async () => {
        const [timing] = await bench.validate([repository]);
        return timing!.ended - timing!.began - allowed;
      },
      () => bench.runPlainly([repository], test),
    );
  };

  it('trivial', async () => {
    // What a server does once.
    await bench.validate([bench.repository('acme/first', 'true')]);
    await against('trivial', 'true', 1.6);
  });

  it('of 1 s', () => against('of 1 s', 'sleep 1', 1.05));

  it('of 10 s', () => against('of 10 s', 'sleep 10', 1.01, 1_000));

  it('twenty at once', async () => {
    const repositories = Array.from({ length: AT_ONCE }, (_, n) =>
      bench.repository(`acme/many-${n}`, 'true'),
    );
    // What a server does once, and for the first push of a repository, is done.
    await bench.validate(repositories);
    await compare(
      {
        name: `${AT_ONCE} pull requests at once`,
        unit: 'ms',
        bound: { most: 1.5 },
        note: `CONCURRENCY=${AT_ONCE}`,
      },
      async () => {
        const timings = await bench.validate(repositories);
        return (
          Math.max(...timings.map(({ ended }) => ended)) - Math.min(...timings.map(({ began }) => began))
        );
      },
      () => bench.runPlainly(repositories, 'true'),
    );
  });

  it('four that keep the processor busy, and webhooks', async () => {
    const busy = `test ! -e busy || timeout ${ROUNDS + 3} bash -c "while :; do :; done" || true`;
    const repositories = Array.from({ length: 4 }, (_, n) => bench.repository(`acme/busy-${n}`, busy));
    // As above.
    await bench.validate(repositories);
    const sender = await startSender();
    const p99 = async () => {
      const { p99Ms } = await sender.load({
        port: bench.server.port,
        path: '/api/github/webhooks',
        secret: bench.github.webhookSecret,
        payload: Buffer.from(JSON.stringify({ zen: 'Keep it logically awesome. '.repeat(900) })),
        event: 'ping',
        connections: 10,
        durationMs: 1_000,
      });
      return p99Ms;
    };
    await p99();
    const idle: number[] = [];
    for (let round = 0; round < ROUNDS; round++) idle.push(await p99());
    const validated = bench.validate(repositories, { busy: '' });
    await bench.untilTested(repositories);
    await compare(
      {
        name: 'webhook p99 with 4 pipelines running',
        unit: 'ms',
        bound: { most: 3 },
        note: 'while their tests keep both processors busy',
      },
      p99,
      (round) => Promise.resolve(idle[round]!),
    );
    await validated;
    sender.stop();
  });
});
