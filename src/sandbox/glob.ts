/**
 * A glob over relative paths with `/` as a regular expression: `*` and `?` within a name, `**` over directories,
 * `[ab]`, `[!ab]`, `{a,b}`, and `\` before a character that means itself. A leading `./` is ignored; names that
 * begin with a dot match like any other.
 */
export function globExpression(glob: string): RegExp {
  const text = glob.replace(/^\.\//, '').replace(/(\*\*\/)+/g, '**/');
  let expression = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const rest = text.slice(i);
    const list = /^\[(!?)([^\]/]+)\]/.exec(rest);
    if (rest.startsWith('**/') && (i === 0 || text[i - 1] === '/')) {
      expression += '(?:[^/]+/)*';
      i += 2;
    } else if (rest === '**' && (i === 0 || text[i - 1] === '/')) {
      expression += '.+';
      i += 1;
    } else if (rest.startsWith('*')) {
      if (text[i - 1] !== '*') expression += '[^/]*';
    } else if (rest.startsWith('?')) {
      expression += '[^/]';
    } else if (list) {
      const members = (list[2] ?? '').replace(/[\\^\]]/g, '\\$&');
      expression += list[1] ? `[^/${members}]` : `[${members}]`;
      i += list[0].length - 1;
    } else if (rest.startsWith('{') && rest.includes('}')) {
      expression += '(?:';
      depth++;
    } else if (depth > 0 && rest.startsWith('}')) {
      expression += ')';
      depth--;
    } else if (depth > 0 && rest.startsWith(',')) {
      expression += '|';
    } else {
      if (rest.startsWith('\\') && rest.length > 1) i++;
      expression += (text[i] ?? '').replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  return new RegExp(`^${expression}${')'.repeat(depth)}$`, 's');
}
