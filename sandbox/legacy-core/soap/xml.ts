import { XMLParser } from 'fast-xml-parser';

/** An XML element, prefixes resolved. */
export interface XmlElement {
  /** Namespace; '' for none. */
  readonly ns: string;
  readonly name: string;
  /** `local` or `{namespace}local` -> value. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The text directly inside, put together. */
  readonly text: string;
}

/** The bytes are not the XML that a SOAP service reads. */
export class XmlError extends Error {}

type Node = Readonly<Record<string, unknown>>;

const ATTRIBUTES = ':@';
const TEXT = '#text';

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: 60,
});

/** UTF-8 only, no DOCTYPE, well-formed, prefixes bound. Throws XmlError. */
export function parseXml(bytes: Buffer): XmlElement {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new XmlError('The document is not UTF-8');
  }
  if (/<!DOCTYPE/i.test(text)) throw new XmlError('A document type is not allowed');
  let nodes: readonly Node[];
  try {
    nodes = parser.parse(text, true) as readonly Node[];
  } catch (error) {
    throw new XmlError('The document is not well-formed', { cause: error });
  }
  const roots = nodes.filter((node) => elementName(node) !== undefined);
  const [root] = roots;
  if (!root || roots.length > 1) throw new XmlError('The document has no single root');
  return resolve(root, new Map([['xml', 'http://www.w3.org/XML/1998/namespace']]));
}

function elementName(node: Node): string | undefined {
  return Object.keys(node).find((key) => key !== ATTRIBUTES && key !== TEXT);
}

function resolve(node: Node, outer: ReadonlyMap<string, string>): XmlElement {
  const qualified = elementName(node) ?? '';
  const raw = Object.entries((node[ATTRIBUTES] ?? {}) as Readonly<Record<string, string>>);
  const scope = new Map(outer);
  for (const [name, value] of raw) {
    if (name === 'xmlns') scope.set('', value);
    else if (name.startsWith('xmlns:')) scope.set(name.slice(6), value);
  }
  const attributes = new Map<string, string>();
  for (const [name, value] of raw) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    const { ns, local } = expand(name, scope, '');
    attributes.set(ns === '' ? local : `{${ns}}${local}`, value);
  }
  const content = node[qualified] as readonly Node[];
  const { ns, local } = expand(qualified, scope, scope.get('') ?? '');
  return {
    ns,
    name: local,
    attributes,
    children: content
      .filter((child) => elementName(child) !== undefined)
      .map((child) => resolve(child, scope)),
    text: content.map((child) => (TEXT in child ? String(child[TEXT]) : '')).join(''),
  };
}

function expand(
  qualified: string,
  scope: ReadonlyMap<string, string>,
  unprefixed: string,
): { ns: string; local: string } {
  const colon = qualified.indexOf(':');
  if (colon < 0) return { ns: unprefixed, local: qualified };
  const ns = scope.get(qualified.slice(0, colon));
  if (ns === undefined) throw new XmlError('A namespace prefix is not bound');
  return { ns, local: qualified.slice(colon + 1) };
}

export function child(element: XmlElement | undefined, ns: string, name: string): XmlElement | undefined {
  return element?.children.find((each) => each.ns === ns && each.name === name);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

/** Text for element content; control characters, which XML 1.0 does not know, become a blank. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[&<>"\r]/g, (c) => ESCAPES[c] ?? c)
    .replaceAll(/(?![\t\n])\p{Cc}|[\ufffe\uffff]/gu, ' ');
}
