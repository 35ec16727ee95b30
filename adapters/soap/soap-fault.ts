import { attributeOf, resolveQName, XML_NS } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';
import type { SoapVersion } from './soap-version.ts';

/** What a service says instead of an answer, the same for SOAP 1.1 (§4.4) and SOAP 1.2 (part 1 §5.4). */
export interface SoapFault {
  /** Of the envelope it came in. */
  readonly version: SoapVersion;
  /**
   * Local name of the code: `Client`, `Server` (1.1), `Sender`, `Receiver` (1.2), `MustUnderstand`, `VersionMismatch`,
   * `DataEncodingUnknown`, or a service's own. Empty when the Fault has none.
   */
  readonly code: string;
  /** The more exact code: the innermost Subcode (1.2), what follows the dot of `Client.Authentication` (1.1). */
  readonly subcode: string | undefined;
  /** The reason in words, English where there is a choice. It may hold patient data: weigh before it leaves. */
  readonly text: string;
  /** Who speaks: faultactor (1.1), Node or Role (1.2). */
  readonly actor: string | undefined;
  /** Entries of the detail element. */
  readonly detail: readonly XmlElement[];
}

/**
 * Reads a Fault element. Services put 1.1's children in a namespace that they do not have, and 1.2's children into
 * envelopes of 1.1: children go by their local names, and their form by what is there.
 */
export function readFault(fault: XmlElement, version: SoapVersion): SoapFault {
  const isStructured = part(fault, 'Code') !== undefined || part(fault, 'Reason') !== undefined;
  return { version, ...(isStructured ? readStructured(fault) : readFlat(fault)) };
}

/** SOAP 1.1 §4.4. */
function readFlat(fault: XmlElement): Omit<SoapFault, 'version'> {
  const [code = '', ...rest] = codeOf(part(fault, 'faultcode')).split('.');
  return {
    code,
    subcode: rest.length === 0 ? undefined : rest.join('.'),
    text: part(fault, 'faultstring')?.text.trim() ?? '',
    actor: part(fault, 'faultactor')?.text.trim(),
    detail: part(fault, 'detail')?.children ?? [],
  };
}

/** SOAP 1.2 part 1 §5.4. */
function readStructured(fault: XmlElement): Omit<SoapFault, 'version'> {
  const code = part(fault, 'Code');
  const texts = part(fault, 'Reason')?.children ?? [];
  const english = texts.find((text) => /^en\b/i.test(attributeOf(text, XML_NS, 'lang') ?? ''));
  return {
    code: codeOf(part(code, 'Value')),
    subcode: innermostSubcode(code),
    text: (english ?? texts[0])?.text.trim() ?? '',
    actor: (part(fault, 'Node') ?? part(fault, 'Role'))?.text.trim(),
    detail: part(fault, 'Detail')?.children ?? [],
  };
}

function innermostSubcode(code: XmlElement | undefined): string | undefined {
  let subcode: string | undefined;
  for (let at = part(code, 'Subcode'); at !== undefined; at = part(at, 'Subcode')) {
    subcode = codeOf(part(at, 'Value')) || subcode;
  }
  return subcode;
}

/** A code is a QName; where its prefix is bound to nothing, its local part still says what was meant. */
function codeOf(value: XmlElement | undefined): string {
  if (value === undefined) return '';
  return resolveQName(value, value.text)?.local ?? value.text.trim().replace(/^[^:]*:/, '');
}

function part(parent: XmlElement | undefined, local: string): XmlElement | undefined {
  return parent?.children.find((child) => child.local === local);
}
