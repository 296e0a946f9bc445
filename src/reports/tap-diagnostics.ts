/**
 * The YAML block under a TAP test point, read for the few fields that say why and where. Test tools write
 * plain mappings; a whole YAML parser would cost 20,000 points more than a second.
 */

/** Field to text; a nested field as "at.lineNumber". Lines keep no common indentation. */
export function readDiagnostics(lines: string[]): Map<string, string> {
  const fields = new Map<string, string>();
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map(indentOf));
  let parent = '';
  for (let at = 0; at < lines.length; at += 1) {
    const line = (lines[at] ?? '').slice(indent);
    const depth = indentOf(line);
    const pair = /^\s*([\w.-]{1,60}):(?:\s+(.*))?$/.exec(line);
    if (!pair || depth > 4) continue;
    const [, key = '', value = ''] = pair;
    if (depth === 0) parent = key;
    const name = depth === 0 ? key : `${parent}.${key}`;
    if (/^[|>][-+\d]*$/.test(value)) {
      const block: string[] = [];
      while (at + 1 < lines.length && isInside(lines[at + 1] ?? '', indent + depth)) {
        at += 1;
        block.push(lines[at] ?? '');
      }
      if (!fields.has(name)) fields.set(name, dedent(block));
    } else if (value !== '' && !fields.has(name)) {
      fields.set(name, unquote(value));
    }
  }
  return fields;
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

const isInside = (line: string, indent: number): boolean => line.trim() === '' || indentOf(line) > indent;

/** Lines joined without the indentation that all of them have. */
export function dedent(lines: string[]): string {
  const indents = lines.filter((line) => line.trim() !== '').map(indentOf);
  const indent = indents.length === 0 ? 0 : Math.min(...indents);
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trimEnd();
}

function unquote(value: string): string {
  const text = value.trim();
  if (text === '~' || text === 'null') return '';
  if (/^'.*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  if (/^".*"$/.test(text)) {
    try {
      return String(JSON.parse(text));
    } catch {
      return text.slice(1, -1);
    }
  }
  return text;
}
