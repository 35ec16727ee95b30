import { child, escapeXml, parseXml, type XmlElement } from './xml.ts';

const XS = 'http://www.w3.org/2001/XMLSchema';
const WSDL = 'http://schemas.xmlsoap.org/wsdl/';

/** A record in the shape of the WSDL: text, nested records, lists where an element may repeat. */
export type Value = string | Tree | readonly (string | Tree)[];
export interface Tree {
  readonly [name: string]: Value | undefined;
}

/** One element of a type. */
interface Part {
  readonly name: string;
  /** Another type's name, or undefined for text. */
  readonly type: string | undefined;
  readonly kind: 'string' | 'int' | 'boolean' | 'tree';
  readonly required: boolean;
  readonly many: boolean;
}

/** The request does not follow the WSDL. */
export class SchemaError extends Error {}

/** The types of the WSDL, and what can be done with them. */
export interface Schema {
  readonly namespace: string;
  readonly operations: readonly string[];
  /** The parts of a type or of a request or response element, in their order. */
  parts(type: string): readonly Part[];
  /** Throws SchemaError. */
  read(type: string, element: XmlElement): Tree;
  /** The content of an element, without its own tags, in the order of the schema. */
  write(type: string, tree: Tree): string;
}

/** Reads the XML schema inside the WSDL: what is served is what is checked. */
export function loadSchema(wsdl: Buffer): Schema {
  const definitions = parseXml(wsdl);
  const xsd = child(child(definitions, WSDL, 'types'), XS, 'schema');
  const types = new Map<string, readonly Part[]>();
  for (const top of xsd?.children ?? []) {
    const body = top.name === 'element' ? child(top, XS, 'complexType') : top;
    const name = top.attributes.get('name');
    if (name !== undefined && body)
      types.set(name, (child(body, XS, 'sequence')?.children ?? []).map(readPart));
  }
  const parts = (type: string): readonly Part[] => {
    const found = types.get(type);
    if (!found) throw new Error(`The WSDL has no type ${type}`);
    return found;
  };
  const operations =
    child(definitions, WSDL, 'portType')?.children.filter((each) => each.name === 'operation') ?? [];
  const namespace = definitions.attributes.get('targetNamespace') ?? '';

  const read = (type: string, element: XmlElement): Tree => {
    const known = parts(type);
    const tree: Record<string, Value> = {};
    for (const each of element.children) {
      const part = known.find((candidate) => candidate.name === each.name);
      if (!part || each.ns !== namespace)
        throw new SchemaError(`${element.name} has no element ${each.name}`);
      const value = part.type === undefined ? readText(part, each) : read(part.type, each);
      const before = tree[part.name];
      if (before !== undefined && !part.many) throw new SchemaError(`${part.name} is there twice`);
      tree[part.name] = part.many ? [...((before ?? []) as readonly (string | Tree)[]), value] : value;
    }
    const missing = known.find((part) => part.required && tree[part.name] === undefined);
    if (missing) throw new SchemaError(`${element.name} needs ${missing.name}`);
    return tree;
  };
  const write = (type: string, tree: Tree): string =>
    parts(type)
      .flatMap((part) => listOf(tree[part.name]).map((value) => writePart(part, value)))
      .join('');
  const writePart = (part: Part, value: string | Tree): string => {
    const content = typeof value === 'string' ? escapeXml(value) : write(part.type ?? '', value);
    return `<${part.name}>${content}</${part.name}>`;
  };
  return {
    namespace,
    operations: operations.flatMap((each) => each.attributes.get('name') ?? []),
    parts,
    read,
    write,
  };
}

function readPart(element: XmlElement): Part {
  const [prefix, type = ''] = (element.attributes.get('type') ?? '').split(':');
  const simple = prefix === 'xs';
  return {
    name: element.attributes.get('name') ?? '',
    type: simple ? undefined : type,
    kind: simple ? (type as 'string' | 'int' | 'boolean') : 'tree',
    required: element.attributes.get('minOccurs') !== '0',
    many: element.attributes.get('maxOccurs') === 'unbounded',
  };
}

function readText(part: Part, element: XmlElement): string {
  if (element.children.length > 0) throw new SchemaError(`${part.name} is text`);
  if (part.kind === 'string') return element.text;
  const text = element.text.trim();
  const right = part.kind === 'int' ? /^[+-]?\d{1,9}$/.test(text) : /^(true|false|0|1)$/.test(text);
  if (!right) throw new SchemaError(`${part.name} is not of type ${part.kind}`);
  return text;
}

function listOf(value: Value | undefined): readonly (string | Tree)[] {
  if (value === undefined) return [];
  return typeof value === 'object' && isList(value) ? value : [value];
}

function isList(value: Tree | readonly (string | Tree)[]): value is readonly (string | Tree)[] {
  return Array.isArray(value);
}

/** A nested text: `text(tree, 'Patient', 'MRN')`; '' where there is none. */
export function text(tree: Tree | undefined, ...path: readonly string[]): string {
  let at: Value | undefined = tree;
  for (const name of path) {
    if (at === undefined || typeof at === 'string' || isList(at)) return '';
    at = at[name];
  }
  return typeof at === 'string' ? at.trim() : '';
}

/** A nested record; undefined where there is none. */
export function branch(tree: Tree | undefined, name: string): Tree | undefined {
  const value = tree?.[name];
  return typeof value === 'object' && !isList(value) ? value : undefined;
}

/** The records of a repeated element. */
export function branches(tree: Tree | undefined, name: string): readonly Tree[] {
  return listOf(tree?.[name]).filter((each): each is Tree => typeof each !== 'string');
}

/** The texts of a repeated element. */
export function texts(tree: Tree | undefined, name: string): readonly string[] {
  return listOf(tree?.[name]).filter((each): each is string => typeof each === 'string');
}
