import { child, escapeXml, type XmlElement } from './xml.ts';

export type SoapVersion = '1.1' | '1.2';

const ENVELOPES: Readonly<Record<SoapVersion, string>> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
};
export const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSA = 'http://www.w3.org/2005/08/addressing';

export interface Envelope {
  readonly version: SoapVersion;
  readonly header: XmlElement | undefined;
  /** The one child of the Body. */
  readonly request: XmlElement | undefined;
  /** wsa:MessageID, else ''. */
  readonly messageId: string;
}

export interface Fault {
  /** Whose mistake: Client/Sender, Server/Receiver; or what SOAP itself names. */
  readonly side: 'sender' | 'receiver' | 'version-mismatch' | 'must-understand';
  /** ErrorCode of the ServiceFault. */
  readonly code: string;
  readonly text: string;
  readonly retry?: boolean;
  /** WS-Security fault, e.g. FailedAuthentication. */
  readonly security?: string;
}

/** The service answers with a Fault. */
export class SoapFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.text);
    this.fault = fault;
  }
}

/** Takes an envelope apart; throws SoapFault for what is no envelope or asks to be understood and is not. */
export function openEnvelope(root: XmlElement): Envelope {
  const version = (Object.keys(ENVELOPES) as SoapVersion[]).find((each) => ENVELOPES[each] === root.ns);
  if (!version || root.name !== 'Envelope') {
    throw new SoapFault({
      side: 'version-mismatch',
      code: 'SCHEMA',
      text: 'Not an envelope of SOAP 1.1 or 1.2',
    });
  }
  const header = child(root, root.ns, 'Header');
  for (const block of header?.children ?? []) {
    const must = block.attributes.get(`{${root.ns}}mustUnderstand`);
    if ((must === '1' || must === 'true') && block.ns !== WSSE && block.ns !== WSA) {
      throw new SoapFault({
        side: 'must-understand',
        code: 'UNSUPPORTED',
        text: 'A header is not understood',
      });
    }
  }
  const requests = child(root, root.ns, 'Body')?.children ?? [];
  if (requests.length > 1)
    throw new SoapFault({ side: 'sender', code: 'SCHEMA', text: 'The Body holds one element' });
  return {
    version,
    header,
    request: requests[0],
    messageId: child(header, WSA, 'MessageID')?.text.trim() ?? '',
  };
}

export function contentType(version: SoapVersion): string {
  return version === '1.1' ? 'text/xml; charset=utf-8' : 'application/soap+xml; charset=utf-8';
}

/** @param relatesTo wsa:MessageID of the request */
export function writeEnvelope(version: SoapVersion, body: string, relatesTo: string): string {
  const header =
    relatesTo === ''
      ? ''
      : `<soap:Header><wsa:RelatesTo xmlns:wsa="${WSA}">${escapeXml(relatesTo)}</wsa:RelatesTo></soap:Header>`;
  return (
    `<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="${ENVELOPES[version]}">` +
    `${header}<soap:Body>${body}</soap:Body></soap:Envelope>`
  );
}

/** The Fault element of the version, a ServiceFault in its detail. */
export function writeFault(version: SoapVersion, fault: Fault, namespace: string): string {
  const text = escapeXml(fault.text);
  const retry = fault.retry === true ? 'true' : 'false';
  const detail =
    `<ServiceFault xmlns="${namespace}"><ErrorCode>${escapeXml(fault.code)}</ErrorCode>` +
    `<ErrorText>${text}</ErrorText><Retry>${retry}</Retry></ServiceFault>`;
  const wsse = fault.security === undefined ? '' : ` xmlns:wsse="${WSSE}"`;
  if (version === '1.1') {
    const code = fault.security === undefined ? `soap:${CODES_11[fault.side]}` : `wsse:${fault.security}`;
    return (
      `<soap:Fault${wsse}><faultcode>${code}</faultcode><faultstring>${text}</faultstring>` +
      `<detail>${detail}</detail></soap:Fault>`
    );
  }
  const subcode =
    fault.security === undefined
      ? ''
      : `<soap:Subcode><soap:Value>wsse:${fault.security}</soap:Value></soap:Subcode>`;
  return (
    `<soap:Fault${wsse}><soap:Code><soap:Value>soap:${CODES_12[fault.side]}</soap:Value>${subcode}</soap:Code>` +
    `<soap:Reason><soap:Text xml:lang="en">${text}</soap:Text></soap:Reason><soap:Detail>${detail}</soap:Detail></soap:Fault>`
  );
}

/** HTTP status of a Fault (SOAP 1.1 §6.2: 500; SOAP 1.2 part 2 §7.5: 400 for the sender's). */
export function faultStatus(version: SoapVersion, fault: Fault): number {
  return version === '1.2' && fault.side === 'sender' ? 400 : 500;
}

const CODES_11: Readonly<Record<Fault['side'], string>> = {
  sender: 'Client',
  receiver: 'Server',
  'version-mismatch': 'VersionMismatch',
  'must-understand': 'MustUnderstand',
};

const CODES_12: Readonly<Record<Fault['side'], string>> = {
  sender: 'Sender',
  receiver: 'Receiver',
  'version-mismatch': 'VersionMismatch',
  'must-understand': 'MustUnderstand',
};
