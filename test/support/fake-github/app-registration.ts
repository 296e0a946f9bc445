import { generateKeyPairSync } from 'node:crypto';
import type { Account } from './accounts.js';

/** A GitHub App as GitHub knows it. */
export interface AppRegistration {
  id: number;
  slug: string;
  name: string;
  clientId: string;
  owner: Account;
  createdAt: Date;
  /** What the App asks for; an installation may have granted less. */
  permissions: Record<string, string>;
  events: string[];
}

/** What CodegenApp's app.yml asks for. */
export const APP_PERMISSIONS: Record<string, string> = {
  actions: 'read',
  checks: 'write',
  contents: 'write',
  deployments: 'write',
  issues: 'write',
  merge_queues: 'read',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'write',
};
export const APP_EVENTS = [
  'check_run',
  'check_suite',
  'issue_comment',
  'merge_group',
  'pull_request',
  'push',
  'repository',
];

let keys: { publicKey: string; privateKey: string } | undefined;

/**
 * One RSA key pair per process. GitHub's have 2048 bits; these take 10 ms to make instead of up to 500.
 */
export function appKeys(): { publicKey: string; privateKey: string } {
  return (keys ??= generateKeyPairSync('rsa', {
    modulusLength: 1024,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }));
}
