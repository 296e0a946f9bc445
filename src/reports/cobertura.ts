/** Cobertura XML, as coverage.py, Istanbul, PHPUnit, coverlet and gcovr write it. */
import type { Format } from './contract.js';
import { LineHits } from './line-hits.js';
import { decode } from './text.js';
import { child, parseXml, rootName, type XmlElement } from './xml.js';

export const cobertura: Format = {
  // Clover's root is <coverage> too, but has a project in it and no rates.
  recognise: (text) =>
    rootName(text) === 'coverage' && /<coverage\b[^>]{0,2000}\bline-rate=/.test(text.slice(0, 20_000)),
  read(content) {
    const root = parseXml(decode(content));
    const packages = child(root, 'packages');
    if (root.name !== 'coverage' || !packages) throw new Error('it has no <packages>');
    const hits = new LineHits();
    for (const group of packages.children) {
      for (const one of child(group, 'classes')?.children ?? []) addClass(hits, one);
    }
    const roots = child(root, 'sources')?.children.map((source) => source.text.trim()) ?? [];
    return {
      kind: 'coverage',
      format: 'cobertura',
      files: hits.files(),
      roots: roots.filter((path) => path !== ''),
    };
  },
};

/** The lines of a class hold those of its methods again. */
function addClass(hits: LineHits, one: XmlElement): void {
  const { filename } = one.attributes;
  if (!filename) return;
  for (const { attributes } of child(one, 'lines')?.children ?? []) {
    hits.add(filename, Number(attributes.number), Number(attributes.hits));
  }
}
