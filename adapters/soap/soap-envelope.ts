import { attributeOf, childOf, element } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';
import { malformedXml } from './xml-malformed.ts';
import { readXml } from './xml-reader.ts';
import type { XmlReadOptions } from './xml-options.ts';
import { writeXml } from './xml-writer.ts';
import { readFault } from './soap-fault.ts';
import type { SoapFault } from './soap-fault.ts';
import { dialectOf, dialectOfNamespace } from './soap-version.ts';
import type { SoapDialect, SoapVersion } from './soap-version.ts';

/** A SOAP message that was received. */
export interface SoapEnvelope {
  readonly dialect: SoapDialect;
  /** Header blocks. */
  readonly headers: readonly XmlElement[];
  readonly content:
    | { readonly kind: 'answer'; readonly body: XmlElement }
    | { readonly kind: 'fault'; readonly fault: SoapFault };
}

/**
 * A SOAP message in bytes.
 *
 * @param body the one child of Body (document/literal wrapped, WS-I Basic Profile 1.2 R2712).
 * @param prefixes see XmlWriteOptions; the envelope's own is `soap`.
 */
export function writeEnvelope(
  version: SoapVersion,
  headers: readonly XmlElement[],
  body: XmlElement,
  prefixes: ReadonlyMap<string, string> = new Map(),
): Buffer {
  const { ns } = dialectOf(version);
  const parts = [element(ns, 'Body', [body])];
  if (headers.length > 0) parts.unshift(element(ns, 'Header', headers));
  return writeXml(element(ns, 'Envelope', parts), { prefixes: new Map([[ns, 'soap'], ...prefixes]) });
}

/**
 * Reads a SOAP message of either version: Envelope, at most one Header before the one Body, one element in Body.
 *
 * @throws FicusError `legacy-malformed` when it is not one.
 */
export function readEnvelope(bytes: Uint8Array, options: XmlReadOptions = {}): SoapEnvelope {
  const envelope = readXml(bytes, options);
  const dialect = envelope.local === 'Envelope' ? dialectOfNamespace(envelope.ns) : undefined;
  if (dialect === undefined) throw malformedXml('no SOAP envelope');
  const { ns } = dialect;
  const header = childOf(envelope, ns, 'Header');
  const body = childOf(envelope, ns, 'Body');
  const parts = header === undefined ? [body] : [header, body];
  const isInOrder = parts.every((part, index) => part !== undefined && part === envelope.children[index]);
  // SOAP 1.1 allows elements of other namespaces behind Body; SOAP 1.2 does not. A second Body is none of them.
  const isComplete = envelope.children.slice(parts.length).every((extra) => extra.ns !== ns);
  if (body === undefined || !isInOrder || !isComplete)
    throw malformedXml('a SOAP envelope without a Body in its place');
  const [content, ...others] = body.children;
  if (content === undefined) throw malformedXml('an empty SOAP Body');
  if (others.length > 0) throw malformedXml('a SOAP Body with more than one element');

  const isFault = content.ns === ns && content.local === 'Fault';
  return {
    dialect,
    headers: header?.children ?? [],
    content: isFault
      ? { kind: 'fault', fault: readFault(content, dialect.version) }
      : { kind: 'answer', body: content },
  };
}

/** Whether a header block must be understood by us, as the one who receives (SOAP 1.1 §4.2, SOAP 1.2 part 1 §5.2). */
export function mustBeUnderstood(block: XmlElement, dialect: SoapDialect): boolean {
  const flag = attributeOf(block, dialect.ns, 'mustUnderstand')?.trim();
  if (flag !== '1' && flag !== 'true') return false;
  return dialect.ownRoles.has(attributeOf(block, dialect.ns, dialect.roleAttribute)?.trim() ?? '');
}
