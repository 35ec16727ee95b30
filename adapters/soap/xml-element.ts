/** One binding of a prefix (`''` is the default namespace), and the bindings around it. */
export interface NamespaceScope {
  readonly prefix: string;
  /** `''` takes the default namespace back (`xmlns=""`). */
  readonly uri: string;
  readonly parent: NamespaceScope | undefined;
  /** Bindings in the chain, this one included. */
  readonly size: number;
}

/** An attribute by its expanded name; namespace declarations are not attributes. */
export interface XmlAttribute {
  /** `''`: in no namespace, as every attribute without a prefix. */
  readonly ns: string;
  readonly local: string;
  readonly value: string;
}

/**
 * An XML element by its expanded name: what the reader gives and the writer takes. Plain data in arrays, never
 * objects keyed by names of the document.
 *
 * `text` is the element's own character data in document order: references and CDATA resolved, nothing trimmed.
 * White space alone between the tags of an element that has child elements is layout and is not kept.
 */
export interface XmlElement {
  /** `''`: in no namespace. */
  readonly ns: string;
  readonly local: string;
  readonly attrs: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  readonly text: string;
  /** Bindings in force where the element was read, for QNames in content (`faultcode`, `xsi:type`). */
  readonly scope?: NamespaceScope | undefined;
}

/** A name with its namespace. */
export interface ExpandedName {
  readonly ns: string;
  readonly local: string;
}

/** Namespaces in XML 1.0 §3: the two bindings that nobody may change. */
export const XML_NS = 'http://www.w3.org/XML/1998/namespace';
export const XMLNS_NS = 'http://www.w3.org/2000/xmlns/';

export const NO_ATTRIBUTES: readonly XmlAttribute[] = Object.freeze([]);
export const NO_CHILDREN: readonly XmlElement[] = Object.freeze([]);

/** An element to be written, holding character data or child elements. */
export function element(
  ns: string,
  local: string,
  content: string | readonly XmlElement[] = '',
  attrs: readonly XmlAttribute[] = NO_ATTRIBUTES,
): XmlElement {
  const isText = typeof content === 'string';
  return { ns, local, attrs, children: isText ? NO_CHILDREN : content, text: isText ? content : '' };
}

/** The first child of that name. */
export function childOf(parent: XmlElement, ns: string, local: string): XmlElement | undefined {
  const { children } = parent;
  for (let i = 0; i < children.length; i++) {
    const child = children[i];
    if (child !== undefined && child.local === local && child.ns === ns) return child;
  }
  return undefined;
}

/** Every child of that name, in document order. */
export function childrenOf(parent: XmlElement, ns: string, local: string): XmlElement[] {
  return parent.children.filter((child) => child.local === local && child.ns === ns);
}

/** The value of an attribute; undefined when absent. */
export function attributeOf(owner: XmlElement, ns: string, local: string): string | undefined {
  for (const attribute of owner.attrs) {
    if (attribute.local === local && attribute.ns === ns) return attribute.value;
  }
  return undefined;
}

/** The namespace bound to a prefix; undefined when it is bound to none. `''` asks for the default namespace. */
export function lookUpPrefix(scope: NamespaceScope | undefined, prefix: string): string | undefined {
  for (let binding = scope; binding !== undefined; binding = binding.parent) {
    if (binding.prefix === prefix) return binding.uri;
  }
  if (prefix === '') return '';
  return prefix === 'xml' ? XML_NS : undefined;
}

/**
 * A QName in an element's content (`soap:Client`) by the bindings in force there; undefined when its prefix is unbound.
 */
export function resolveQName(where: XmlElement, qname: string): ExpandedName | undefined {
  const name = qname.trim();
  const colon = name.indexOf(':');
  const ns = lookUpPrefix(where.scope, colon < 0 ? '' : name.slice(0, colon));
  return ns === undefined ? undefined : { ns, local: name.slice(colon + 1) };
}
