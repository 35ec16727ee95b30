import { attributeOf, childOf, childrenOf, resolveQName, XML_NS } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';
import type { SoapDialect, SoapVersion } from './soap-version.ts';

/** What a service says instead of an answer, the same for SOAP 1.1 (§4.4) and SOAP 1.2 (part 1 §5.4). */
export interface SoapFault {
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

/** Reads a Fault element. Old services put 1.1's children in a namespace: taken by local name. */
export function readFault(fault: XmlElement, dialect: SoapDialect): SoapFault {
  return dialect.version === '1.1' ? readFault11(fault) : readFault12(fault, dialect.ns);
}

function readFault11(fault: XmlElement): SoapFault {
  const part = (local: string): XmlElement | undefined =>
    fault.children.find((child) => child.local === local);
  const [code = '', ...rest] = codeOf(part('faultcode')).split('.');
  return {
    version: '1.1',
    code,
    subcode: rest.length === 0 ? undefined : rest.join('.'),
    text: part('faultstring')?.text.trim() ?? '',
    actor: part('faultactor')?.text.trim(),
    detail: part('detail')?.children ?? [],
  };
}

function readFault12(fault: XmlElement, ns: string): SoapFault {
  const code = childOf(fault, ns, 'Code');
  const reason = childOf(fault, ns, 'Reason');
  const speaker = childOf(fault, ns, 'Node') ?? childOf(fault, ns, 'Role');
  return {
    version: '1.2',
    code: codeOf(code && childOf(code, ns, 'Value')),
    subcode: code && innermostSubcode(code, ns),
    text: reason === undefined ? '' : reasonText(childrenOf(reason, ns, 'Text')),
    actor: speaker?.text.trim(),
    detail: childOf(fault, ns, 'Detail')?.children ?? [],
  };
}

function innermostSubcode(code: XmlElement, ns: string): string | undefined {
  let subcode: string | undefined;
  for (let at = childOf(code, ns, 'Subcode'); at !== undefined; at = childOf(at, ns, 'Subcode')) {
    subcode = codeOf(childOf(at, ns, 'Value')) || subcode;
  }
  return subcode;
}

function reasonText(texts: readonly XmlElement[]): string {
  const english = texts.find((text) => /^en\b/i.test(attributeOf(text, XML_NS, 'lang') ?? ''));
  return (english ?? texts[0])?.text.trim() ?? '';
}

/** A code is a QName; where its prefix is bound to nothing, its local part still says what was meant. */
function codeOf(value: XmlElement | undefined): string {
  if (value === undefined) return '';
  return resolveQName(value, value.text)?.local ?? value.text.trim().replace(/^[^:]*:/, '');
}
