import type { Account } from './accounts.js';

export interface DeploymentStatus {
  id: number;
  state: string;
  description: string;
  environmentUrl: string;
  logUrl: string;
  creator: Account;
  createdAt: Date;
}

export interface Deployment {
  id: number;
  sha: string;
  ref: string;
  task: string;
  environment: string;
  description: string | null;
  payload: unknown;
  transient: boolean;
  production: boolean;
  creator: Account;
  createdAt: Date;
  /** Oldest first; the last one counts. */
  statuses: DeploymentStatus[];
}
