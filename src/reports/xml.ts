/**
 * XML as test tools write it. A small reader of its own, because it must refuse hostile input at once and in
 * time proportional to its length: no entities but the five of XML and numeric ones, nothing declared in a
 * DOCTYPE, nesting and size bounded, one pass.
 */

export interface XmlElement {
  /** Without namespace prefix. */
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlElement[];
  /** The element's own text and CDATA, joined. */
  text: string;
}

const DEEPEST = 64;
const MOST_ELEMENTS = 2_000_000;
const MOST_ATTRIBUTES = 100;

/** Most elements have none; sharing these keeps a large report small. */
const NO_ATTRIBUTES: Record<string, string> = Object.freeze({});
const NO_CHILDREN: XmlElement[] = [];

interface OpenElement extends XmlElement {
  children: XmlElement[];
  /** With its prefix, as the end tag must repeat it. */
  tag: string;
}

/** The root element. Throws an Error that says what is wrong with the text. */
export function parseXml(text: string): XmlElement {
  const outer: OpenElement = { name: '', tag: '', attributes: NO_ATTRIBUTES, children: [], text: '' };
  const open: OpenElement[] = [outer];
  let at = skipProlog(text);
  let elements = 0;
  while (at < text.length) {
    const current = open.at(-1) ?? outer;
    const tagAt = text.indexOf('<', at);
    const chunk = text.slice(at, tagAt < 0 ? undefined : tagAt);
    if (/\S/.test(chunk)) current.text += decodeEntities(chunk);
    if (tagAt < 0) break;
    if (text.startsWith('</', tagAt)) {
      at = after(text, '>', tagAt);
      const tag = text.slice(tagAt + 2, at - 1).trimEnd();
      if (open.length === 1 || tag !== current.tag) throw malformed(`</${tag.slice(0, 40)}> ends nothing`);
      open.pop();
    } else if (text.startsWith('<![CDATA[', tagAt)) {
      at = after(text, ']]>', tagAt);
      current.text += text.slice(tagAt + 9, at - 3);
    } else if (text.startsWith('<!--', tagAt)) at = after(text, '-->', tagAt);
    else if (text.startsWith('<?', tagAt)) at = after(text, '?>', tagAt);
    else {
      const start = readStartTag(text, tagAt);
      at = start.end;
      elements += 1;
      if (elements > MOST_ELEMENTS) throw new Error(`it has more than ${MOST_ELEMENTS} XML elements`);
      if (current.children === NO_CHILDREN) current.children = [];
      current.children.push(start.element);
      if (!start.isEmpty) open.push(start.element);
      if (open.length > DEEPEST) throw new Error(`its XML is nested deeper than ${DEEPEST} elements`);
    }
  }
  if (open.length > 1) throw new Error('it ends in the middle');
  const [root] = outer.children;
  if (!root || outer.children.length > 1 || outer.text !== '') throw malformed('it has not one root element');
  return root;
}

/** The name of the root element without its prefix; null where the text doesn't begin as XML. */
export function rootName(text: string): string | null {
  let start: number;
  try {
    start = skipProlog(text);
  } catch {
    // Damaged or hostile, but the root still tells what it means to be.
    start = Math.max(0, text.slice(0, 1_000_000).search(/<(?:testsuites?|TestRun|coverage)[\s/>]/));
  }
  return /^<(?:[\w.-]+:)?([\w.-]+)[\s/>]/.exec(text.slice(start, start + 200))?.[1] ?? null;
}

/** The first child of that name. */
export function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((candidate) => candidate.name === name);
}

/** Where the root element begins. A DOCTYPE may name an external file (Cobertura's does; it is never read). */
function skipProlog(text: string): number {
  let at = 0;
  for (;;) {
    matchAt(SPACE, text, at);
    at = SPACE.lastIndex;
    if (text.startsWith('<?', at)) at = after(text, '?>', at);
    else if (text.startsWith('<!--', at)) at = after(text, '-->', at);
    else if (text.startsWith('<!DOCTYPE', at)) {
      const end = after(text, '>', at);
      if (text.slice(at, end).includes('[')) throw new Error('it declares entities in a DOCTYPE');
      at = end;
    } else return at;
  }
}

const SPACE = /\s*/y;
const TAG = /<([^\s/>=<"'&!]+)/y;
const ATTRIBUTE = /\s+([^\s=/>"'<]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;
const TAG_END = /\s*(\/?)>/y;

function readStartTag(text: string, from: number): { element: OpenElement; isEmpty: boolean; end: number } {
  const tag = matchAt(TAG, text, from)?.[1];
  if (tag === undefined) throw malformed('a "<" begins no tag');
  let at = TAG.lastIndex;
  let attributes = NO_ATTRIBUTES;
  let count = 0;
  for (let match = matchAt(ATTRIBUTE, text, at); match; match = matchAt(ATTRIBUTE, text, at)) {
    at = ATTRIBUTE.lastIndex;
    count += 1;
    if (count > MOST_ATTRIBUTES) throw new Error(`an element has more than ${MOST_ATTRIBUTES} attributes`);
    if (attributes === NO_ATTRIBUTES) attributes = {};
    attributes[local(match[1] ?? '')] = decodeEntities(match[2] ?? match[3] ?? '');
  }
  const end = matchAt(TAG_END, text, at);
  if (!end) throw malformed(`the tag <${tag.slice(0, 40)}> is broken`);
  const element = { name: local(tag), tag, attributes, children: NO_CHILDREN, text: '' };
  return { element, isEmpty: end[1] === '/', end: TAG_END.lastIndex };
}

function matchAt(sticky: RegExp, text: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at;
  return sticky.exec(text);
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  if (at < 0) throw new Error('it ends in the middle');
  return at + mark.length;
}

const malformed = (what: string): Error => new Error(`it is not well-formed XML: ${what}`);

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** What is no entity of XML stays as it is written. */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g,
    (all: string, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED[name] ?? all;
      const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}
