import type { Detector } from './detector.js';

export const detectRust: Detector = ({ list }) => {
  if (!list.has('Cargo.toml')) return Promise.resolve(null);
  const locked = list.has('Cargo.lock') ? ' --locked' : '';
  return Promise.resolve({
    from: 'Cargo.toml',
    // The fetch also gets what only tests need, for tests without network.
    setup: [`cargo fetch${locked}`, `cargo build --workspace${locked}`],
    deploy: [],
    test: [`cargo test --workspace${locked}`],
  });
};
