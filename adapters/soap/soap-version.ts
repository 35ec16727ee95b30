/** SOAP 1.1 (W3C Note 2000) or SOAP 1.2 (W3C Recommendation 2007), as the service's WSDL binds it. */
export type SoapVersion = '1.1' | '1.2';

/** What differs between the two on the wire, by name. */
export interface SoapDialect {
  readonly version: SoapVersion;
  /** Namespace of Envelope, Header, Body and Fault. */
  readonly ns: string;
  readonly mediaType: string;
  /** Value of `mustUnderstand` that is written. */
  readonly yes: string;
  /** Attribute that names whom a header block is for. */
  readonly roleAttribute: 'actor' | 'role';
  /** Roles that are ours as the one who receives the answer. */
  readonly ownRoles: ReadonlySet<string>;
}

const SOAP_11: SoapDialect = {
  version: '1.1',
  ns: 'http://schemas.xmlsoap.org/soap/envelope/',
  mediaType: 'text/xml',
  yes: '1',
  roleAttribute: 'actor',
  ownRoles: new Set(['', 'http://schemas.xmlsoap.org/soap/actor/next']),
};

const SOAP_12: SoapDialect = {
  version: '1.2',
  ns: 'http://www.w3.org/2003/05/soap-envelope',
  mediaType: 'application/soap+xml',
  yes: 'true',
  roleAttribute: 'role',
  ownRoles: new Set([
    '',
    'http://www.w3.org/2003/05/soap-envelope/role/next',
    'http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver',
  ]),
};

export function dialectOf(version: SoapVersion): SoapDialect {
  return version === '1.1' ? SOAP_11 : SOAP_12;
}

/** The dialect of an Envelope's namespace; undefined when it is neither's. */
export function dialectOfNamespace(ns: string): SoapDialect | undefined {
  if (ns === SOAP_11.ns) return SOAP_11;
  return ns === SOAP_12.ns ? SOAP_12 : undefined;
}

/**
 * Content-Type and, in SOAP 1.1, SOAPAction of a request (SOAP 1.1 §6.1.1; SOAP 1.2 part 2 §6.5 and RFC 3902).
 *
 * @param action the operation's soapAction by the WSDL; may be empty.
 * @throws TypeError for an action that is no URI: it comes from a mapping and is a fault there.
 */
export function requestHeaders(version: SoapVersion, action: string): Record<string, string> {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]*$/.test(action)) throw new TypeError('A soapAction must be a URI.');
  const { mediaType } = dialectOf(version);
  if (version === '1.1') return { 'content-type': `${mediaType}; charset=utf-8`, soapaction: `"${action}"` };
  const parameter = action === '' ? '' : `; action="${action}"`;
  return { 'content-type': `${mediaType}; charset=utf-8${parameter}` };
}
