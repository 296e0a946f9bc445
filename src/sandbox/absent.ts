import { SandboxError, type Sandbox } from './contract.js';

/** For processes that run no pipeline: nothing has to be tried out before they serve. */
export const absentSandbox: Sandbox = {
  name: 'plain',
  isolated: false,
  start: () => Promise.reject(new SandboxError('This process runs no pipelines.')),
};
