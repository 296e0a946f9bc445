import type { Section } from './fit.js';
import { codeBlock, codeSpan } from './text.js';
import type { PipelineView } from './view.js';

const LONGEST_SCRIPT = 2000;

/** How to see a failure on one's own machine: all of it, or the failing command alone. */
export function reproduceSection(view: PipelineView): Section {
  const body = [
    '### Reproduce locally',
    [`- Everything: ${codeSpan(validateCommand(view))}`, failedCommand(view)].filter(Boolean).join('\n'),
  ].join('\n\n');
  return {
    name: 'how to reproduce',
    priority: 65,
    render: (limit) => (Buffer.byteLength(body) <= limit ? body : ''),
  };
}

/** People paste this into a shell: a branch name that is more than plain stays out. */
function validateCommand({ baseRef, headSha }: PipelineView): string {
  const base = baseRef !== 'main' && /^\w[\w./-]*$/.test(baseRef) ? ` --base ${baseRef}` : '';
  return `codegenapp validate${base} --head ${headSha}`;
}

function failedCommand({ logTail }: PipelineView): string {
  const script = logTail?.command.trim() ?? '';
  if (script === '' || script.length > LONGEST_SCRIPT) return '';
  const what = '- Only what failed, in a checkout of that commit:';
  return script.includes('\n')
    ? `${what}\n\n${codeBlock(script, 'sh')}`
    : `${what} ${codeSpan(script, 2000)}`;
}
