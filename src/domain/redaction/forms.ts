/** The disguises in which a secret turns up in output. */

/** Values that people store as secrets or variables and that every log is full of. */
const COMMON = new Set(
  `true false null none undefined enabled disabled default production development staging testing debug
   localhost 127.0.0.1 0.0.0.0 postgres username example main master latest utf-8`.split(/\s+/),
);

/**
 * How a value can be hidden without making logs unreadable:
 * - `everywhere`: at least 6 characters; hidden also within words and in every encoding.
 * - `word`: 4 or 5 characters; hidden only where it stands alone, between characters that are no letters,
 *   digits or underscores.
 * - `never`: shorter, or a common word such as "true" or "production": hiding those would blank out half of a
 *   log and tell the value by where it is missing.
 */
export function hiding(secret: string): 'everywhere' | 'word' | 'never' {
  const value = secret.trim();
  if (value.length < 4 || COMMON.has(value.toLowerCase()) || /^(.)\1*$/s.test(value)) return 'never';
  return value.length < 6 ? 'word' : 'everywhere';
}

/** Every literal to look for on behalf of one secret, itself included. */
export function secretForms(secret: string): Set<string> {
  const forms = new Set<string>();
  const value = secret.trim();
  addWritten(forms, value.replace(/\r\n?/g, '\n'));
  addEncoded(forms, value);
  // Multi-line values are printed line by line, behind prefixes; some arrive as one line with a written "\n".
  for (const line of value.split(/\r?\n|\r|\\n/)) {
    const part = line.trim();
    if (part !== value && hiding(part) === 'everywhere' && !/^-----(BEGIN|END) /.test(part)) {
      addWritten(forms, part);
    }
  }
  return forms;
}

function addWritten(forms: Set<string>, value: string): void {
  const json = inner(JSON.stringify(value));
  const escapedJson = json.replace(/[<>&]|[^\0-\x7f]/g, unicodeEscape);
  const component = encodeURIComponent(toWellFormed(value));
  const strict = component.replace(/[!'()*]/g, percent);
  for (const form of [
    value,
    json,
    json.replaceAll('/', '\\/'),
    escapedJson,
    escapedJson.replace(/\\u[0-9a-f]{4}/g, (escape) => `\\u${escape.slice(2).toUpperCase()}`),
    inner(JSON.stringify(json)),
    component,
    strict,
    component.replaceAll('%20', '+'),
    strict.replaceAll('%20', '+'),
    encodeURI(toWellFormed(value)),
    htmlEscape(value),
    // bash: 'it'\''s', it\'s (printf %q) and $'it\'s'.
    value.replaceAll("'", `'\\''`),
    value.replaceAll("'", `'"'"'`),
    value.replace(/[^\w@%+=:,./\-\n\u0080-\uffff]/g, '\\$&'),
    json.replaceAll('\\"', '"').replaceAll("'", "\\'"),
    value.replace(/[\\"$`]/g, '\\$&'),
  ]) {
    forms.add(form);
    if (form.includes('%')) forms.add(form.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()));
  }
}

function addEncoded(forms: Set<string>, value: string): void {
  const bytes = Buffer.from(value);
  const hex = bytes.toString('hex');
  forms.add(hex).add(hex.toUpperCase());
  for (const alignment of [0, 1, 2]) {
    for (const form of base64At(bytes, alignment)) {
      forms.add(form).add(form.replaceAll('+', '-').replaceAll('/', '_'));
    }
  }
}

/**
 * What base64 makes of `bytes` behind `alignment` (mod 3) unknown bytes: the characters that depend on nothing
 * else, and the same up to the end of the text, without and with padding and with the newline of `echo`.
 */
function base64At(bytes: Buffer, alignment: number): string[] {
  const start = Math.ceil((alignment * 8) / 6);
  const end = Math.floor(((alignment + bytes.length) * 8) / 6);
  const encode = (after: string) =>
    Buffer.concat([Buffer.alloc(alignment), bytes, Buffer.from(after)])
      .toString('base64')
      .slice(start);
  const alone = encode('');
  return [alone.slice(0, end - start), alone.replace(/=+$/, ''), alone, encode('\n')];
}

const inner = (quoted: string): string => quoted.slice(1, -1);

/** `encodeURIComponent` throws on half a surrogate pair. */
const toWellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

const percent = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

const unicodeEscape = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for HTML content and attribute values. */
const htmlEscape = (text: string): string => text.replace(/[&<>"']/g, (character) => HTML[character]!);
