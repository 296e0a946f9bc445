/** HTML in which every value is escaped unless it is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

export type Fragment = Html | string | number | null | undefined | false | readonly Fragment[];

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(value: Fragment): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

/** A template: html`<p>${anything}</p>`. */
export const html = (strings: TemplateStringsArray, ...values: Fragment[]): Html =>
  new Html(strings.reduce((text, string, n) => text + render(values[n - 1]) + string));
