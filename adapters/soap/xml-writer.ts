import { FicusError } from '../../src/errors.ts';
import { isLegalText, isNcName } from './xml-characters.ts';
import { XML_NS } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';

export interface XmlWriteOptions {
  /**
   * Prefix by namespace. Each is declared on the root, used or not, so that QNames in content (`xsi:type`) may use
   * them. Other namespaces get `n1`, `n2` and so on.
   */
  readonly prefixes?: ReadonlyMap<string, string>;
}

/**
 * Writes an element as an XML 1.0 document in UTF-8, with its declaration, without layout. What `readXml` makes of it
 * is the same tree again.
 *
 * Text and attribute values may hold any text; names must come from mappings and code, never from data.
 *
 * @throws FicusError `value-invalid` for text with a character that XML cannot carry (a control character, half a
 *   surrogate pair): it is never dropped in silence. `internal` for a name that is none, and for text beside child
 *   elements, whose order the tree does not know.
 */
export function writeXml(root: XmlElement, options: XmlWriteOptions = {}): Buffer {
  const prefixes = new Map(options.prefixes ?? []);
  const inside = writeChildren(root, prefixes);
  const name = qualified(root.ns, root.local, prefixes);
  const attributes = writeAttributes(root, prefixes);
  // Last, when every namespace has its prefix.
  const declarations = declare(prefixes);
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><${name}${declarations}${attributes}>${inside}</${name}>`,
  );
}

function writeElement(element: XmlElement, prefixes: Map<string, string>): string {
  const name = qualified(element.ns, element.local, prefixes);
  const open = `<${name}${writeAttributes(element, prefixes)}`;
  const inside = writeChildren(element, prefixes);
  return inside === '' ? `${open}/>` : `${open}>${inside}</${name}>`;
}

function writeChildren(element: XmlElement, prefixes: Map<string, string>): string {
  if (element.children.length === 0) return escapeText(element.text);
  if (element.text !== '')
    throw new FicusError('internal', 'XML to be written has text beside child elements.');
  let inside = '';
  for (const child of element.children) inside += writeElement(child, prefixes);
  return inside;
}

function writeAttributes(element: XmlElement, prefixes: Map<string, string>): string {
  let written = '';
  for (const [index, { ns, local, value }] of element.attrs.entries()) {
    const isTwice = element.attrs.some((other, at) => at < index && other.local === local && other.ns === ns);
    if (isTwice || (ns === '' && local === 'xmlns')) {
      throw new FicusError(
        'internal',
        'XML to be written has an attribute twice, or a declaration as an attribute.',
      );
    }
    written += ` ${qualified(ns, local, prefixes)}="${escapeAttribute(value)}"`;
  }
  return written;
}

function qualified(ns: string, local: string, prefixes: Map<string, string>): string {
  if (!isNcName(local)) throw new FicusError('internal', 'XML to be written has a name that is no XML name.');
  if (ns === '') return local;
  if (ns === XML_NS) return `xml:${local}`;
  let prefix = prefixes.get(ns);
  if (prefix === undefined) {
    prefix = freePrefix(prefixes);
    prefixes.set(ns, prefix);
  }
  return `${prefix}:${local}`;
}

function freePrefix(prefixes: ReadonlyMap<string, string>): string {
  const taken = new Set(prefixes.values());
  let number = 1;
  while (taken.has(`n${number}`)) number++;
  return `n${number}`;
}

function declare(prefixes: ReadonlyMap<string, string>): string {
  const taken = new Set<string>();
  let declarations = '';
  for (const [ns, prefix] of prefixes) {
    const isUsable = isNcName(prefix) && !/^xml/i.test(prefix) && !taken.has(prefix) && ns !== '';
    if (!isUsable)
      throw new FicusError('internal', 'XML to be written has a prefix that cannot be one, or one twice.');
    taken.add(prefix);
    declarations += ` xmlns:${prefix}="${escapeAttribute(ns)}"`;
  }
  return declarations;
}

function escapeText(text: string): string {
  if (!isLegalText(text)) throw illegal();
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, reference) : text;
}

function escapeAttribute(value: string): string {
  if (!isLegalText(value)) throw illegal();
  return /[&<>"\t\n\r]/.test(value) ? value.replace(/[&<>"\t\n\r]/g, reference) : value;
}

/** White space goes as a reference where a reader would make something else of it (XML 1.0 §2.11, §3.3.3). */
function reference(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    default:
      return `&#${character.charCodeAt(0)};`;
  }
}

function illegal(): FicusError {
  return new FicusError(
    'value-invalid',
    'A value holds a character that XML cannot carry, so the legacy service cannot take it.',
  );
}
