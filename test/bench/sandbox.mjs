import { selectSandbox } from '../../dist/sandbox/select.js';

const log = { info: () => undefined, warn: () => undefined };

/** What the server would take on this machine. */
export const { sandbox } = await selectSandbox({ mode: 'auto', production: false, loopbackOnly: true, log });
