/**
 * What of a GitHub markdown text is live: without fenced blocks, code spans and escaped characters, read as
 * CommonMark does. Throws when a fence stays open.
 */
export function liveMarkdown(markdown: string): string {
  const live: string[] = [];
  let fence: string | null = null;
  for (const line of markdown.split('\n')) {
    const marks: RegExpExecArray | null = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence !== null) {
      const closes =
        marks && marks[1]![0] === fence[0] && marks[1]!.length >= fence.length && !marks[2]!.trim();
      if (closes) fence = null;
    } else if (marks && !(marks[1]!.startsWith('`') && marks[2]!.includes('`'))) {
      fence = marks[1]!;
      live.push('');
    } else {
      live.push(line);
    }
  }
  if (fence !== null) throw new Error(`a fence of ${fence} is never closed`);
  return live
    .join('\n')
    .split(/\n{2,}/)
    .map(withoutCodeSpans)
    .join('\n\n');
}

function withoutCodeSpans(paragraph: string): string {
  let live = '';
  for (let at = 0; at < paragraph.length;) {
    const character = paragraph[at]!;
    if (character === '\\' && /[!-/:-@[-`{-~]/.test(paragraph[at + 1] ?? '')) {
      live += ' ';
      at += 2;
    } else if (character === '`') {
      const run = /^`+/.exec(paragraph.slice(at))![0];
      const rest = paragraph.slice(at + run.length);
      const end = new RegExp(`(?<!\`)${run}(?!\`)`).exec(rest);
      if (!end) throw new Error(`an open code span: ${paragraph.slice(at, at + 80)}`);
      live += 'CODE';
      at += run.length + end.index + run.length;
    } else {
      live += character;
      at++;
    }
  }
  return live;
}
