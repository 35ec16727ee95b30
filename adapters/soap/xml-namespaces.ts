import { lookUpPrefix, XML_NS, XMLNS_NS } from './xml-element.ts';
import type { NamespaceScope, XmlAttribute } from './xml-element.ts';
import { malformedXml } from './xml-malformed.ts';

/** An attribute or namespace declaration as it stands in a start tag. */
export interface RawAttribute {
  /** `''`: none. */
  readonly prefix: string;
  readonly local: string;
  readonly value: string;
  /** Where it stands, in characters of the document. */
  readonly at: number;
}

/** Bindings that may be in force at once; looking a prefix up walks them. */
const MAX_BINDINGS = 512;

/** The scope of an element: the outer one and the element's own declarations (Namespaces in XML 1.0 §3, §5, §6). */
export function bindNamespaces(
  attributes: readonly RawAttribute[],
  outer: NamespaceScope | undefined,
): NamespaceScope | undefined {
  let scope = outer;
  for (const attribute of attributes) {
    const { value: uri, at } = attribute;
    if (!isDeclaration(attribute)) continue;
    const prefix = attribute.prefix === '' ? '' : attribute.local;
    if (prefix === 'xmlns' || uri === XMLNS_NS || (prefix === 'xml') !== (uri === XML_NS)) {
      throw malformedXml('a reserved namespace is bound', at);
    }
    if (prefix !== '' && uri === '') throw malformedXml('a prefix is bound to nothing', at);
    const size = (scope?.size ?? 0) + 1;
    if (size > MAX_BINDINGS) throw malformedXml('too many namespaces', at);
    scope = { prefix, uri, parent: scope, size };
  }
  return scope;
}

/**
 * Attributes by expanded name, without the declarations; two of one name are refused (XML 1.0 §3.1, Namespaces §6.3).
 */
export function resolveAttributes(
  attributes: readonly RawAttribute[],
  scope: NamespaceScope | undefined,
): readonly XmlAttribute[] {
  const resolved: XmlAttribute[] = [];
  for (let i = 0; i < attributes.length; i++) {
    const attribute = attributes[i]!;
    for (let k = 0; k < i; k++) {
      const other = attributes[k]!;
      if (other.local === attribute.local && other.prefix === attribute.prefix) {
        throw malformedXml('an attribute is there twice', attribute.at);
      }
    }
    if (isDeclaration(attribute)) continue;
    const { prefix, local, value, at } = attribute;
    const ns = prefix === '' ? '' : namespaceOf(prefix, scope, at);
    if (ns !== '' && resolved.some((other) => other.local === local && other.ns === ns)) {
      throw malformedXml('an attribute is there twice', at);
    }
    resolved.push({ ns, local, value });
  }
  return resolved;
}

/** The namespace of a prefix; `''` asks for the default one. */
export function namespaceOf(prefix: string, scope: NamespaceScope | undefined, at: number): string {
  const ns = prefix === 'xmlns' ? undefined : lookUpPrefix(scope, prefix);
  if (ns === undefined) throw malformedXml('a prefix that is bound to no namespace', at);
  return ns;
}

function isDeclaration(attribute: RawAttribute): boolean {
  return attribute.prefix === 'xmlns' || (attribute.prefix === '' && attribute.local === 'xmlns');
}
