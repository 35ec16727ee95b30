import { XMLParser } from 'fast-xml-parser';
import type { XmlAttribute, XmlElement } from '../../../../adapters/soap/xml-element.ts';

const XML_NS = 'http://www.w3.org/XML/1998/namespace';

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
});

/** A node as fast-xml-parser gives it with preserveOrder: one name with its children, and perhaps `:@` with attributes. */
type Node = Readonly<Record<string, unknown>>;

/**
 * What fast-xml-parser makes of a document, with namespaces resolved and layout left out here, since it does neither.
 * Throws where it refuses the document.
 */
export function readWithFastXmlParser(xml: string): XmlElement {
  const nodes = parser.parse(xml, true) as Node[];
  const roots = nodes.filter((node) => nameOf(node) !== '#text');
  if (roots.length !== 1) throw new Error('not one root');
  return toElement(roots[0]!, new Map([['xml', XML_NS]]));
}

function nameOf(node: Node): string {
  return Object.keys(node).find((key) => key !== ':@')!;
}

function toElement(node: Node, outer: ReadonlyMap<string, string>): XmlElement {
  const name = nameOf(node);
  const written = Object.entries((node[':@'] ?? {}) as Record<string, string>);
  const scope = new Map(outer);
  for (const [attribute, value] of written) {
    if (attribute === 'xmlns') scope.set('', value);
    else if (attribute.startsWith('xmlns:')) scope.set(attribute.slice('xmlns:'.length), value);
  }
  const attrs: XmlAttribute[] = written
    .filter(([attribute]) => attribute !== 'xmlns' && !attribute.startsWith('xmlns:'))
    .map(([attribute, value]) => ({ ...expand(attribute, scope, false), value }));

  const content = node[name] as Node[];
  const children: XmlElement[] = [];
  let text = '';
  for (const part of content) {
    const kind = nameOf(part);
    if (kind === '#text') text += part['#text'] as string;
    else if (kind === '#cdata')
      text += ((part['#cdata'] as Node[])[0]?.['#text'] as string | undefined) ?? '';
    else children.push(toElement(part, scope));
  }
  const isLayout = children.length > 0 && /^[ \t\r\n]*$/.test(text);
  return { ...expand(name, scope, true), attrs, children, text: isLayout ? '' : text };
}

function expand(
  name: string,
  scope: ReadonlyMap<string, string>,
  isElement: boolean,
): { ns: string; local: string } {
  const colon = name.indexOf(':');
  if (colon < 0) return { ns: isElement ? (scope.get('') ?? '') : '', local: name };
  const ns = scope.get(name.slice(0, colon));
  if (ns === undefined) throw new Error('unbound prefix');
  return { ns, local: name.slice(colon + 1) };
}
