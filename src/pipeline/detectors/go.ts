import type { Detector } from './detector.js';

export const detectGo: Detector = ({ list }) => {
  if (!list.has('go.mod')) return Promise.resolve(null);
  return Promise.resolve({
    from: 'go.mod',
    setup: ['go mod download', 'go build ./...'],
    deploy: [],
    test: ['go test ./...'],
  });
};
