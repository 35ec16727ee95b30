import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

/** What a hostile core answers instead of what it was asked, made of the honest answer. */
export interface HostileAnswer {
  readonly body: string | Buffer;
  /** Beside, or instead of, the honest ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param honest a SOAP 1.2 message. @param canary an address that must not be asked. */
export type Attack = (honest: string, canary: string) => HostileAnswer;

/** Stands in what an attack smuggles in: it may be in no answer of Ficus. */
export const SMUGGLED = 'smuggled-2f7c';

const SOAP_12 = 'http://www.w3.org/2003/05/soap-envelope';
const XML_TYPE = 'application/soap+xml';
const DECLARATION = /^<\?xml[^>]*\?>\s*/;

const bare = (honest: string): string => honest.replace(DECLARATION, '');
const after = (honest: string, tag: string, more: string): string => honest.replace(tag, `${tag}${more}`);
/** The first text of the answer that reaches a client, replaced. */
const worded = (honest: string, words: string): string =>
  honest.replace('<Text>Penicillin</Text>', `<Text>${words}</Text>`);
/** The body that is in the honest answer, whole. */
const bodyOf = (honest: string): string => /<soap:Body>[^]*<\/soap:Body>/.exec(honest)?.[0] ?? '';
/** The same about somebody else. */
const forged = (text: string): string => text.replaceAll('Penicillin', SMUGGLED);

const doctype =
  (subset: string, words = '&x;'): Attack =>
  (honest, canary) => ({
    body: `<!DOCTYPE Envelope ${subset.replaceAll('CANARY', canary)}>${worded(bare(honest), words)}`,
  });

function laughs(): string {
  const levels = Array.from({ length: 9 }, (_, at) => `<!ENTITY x${at + 1} "${`&x${at};`.repeat(10)}">`);
  return `[<!ENTITY x0 "${SMUGGLED}">${levels.join('')}<!ENTITY x "&x9;">]`;
}

/** Entities, and whatever else asks a parser to fetch or to multiply (XML 1.0 §4, XInclude 1.0). */
export const ENTITIES: readonly (readonly [string, Attack])[] = [
  ['a billion laughs', doctype(laughs())],
  ['a quadratic bomb', doctype(`[<!ENTITY x "${SMUGGLED.repeat(4_000)}">]`, '&x;'.repeat(4_000))],
  ['entities that name each other', doctype('[<!ENTITY x "&y;"><!ENTITY y "&x;">]')],
  ['a file as an entity', doctype('[<!ENTITY x SYSTEM "file:///etc/passwd">]')],
  ['an address as an entity', doctype('[<!ENTITY x SYSTEM "CANARY/entity">]')],
  ['a public entity', doctype('[<!ENTITY x PUBLIC "-//X//Y" "CANARY/public">]')],
  ['a parameter entity', doctype('[<!ENTITY % x SYSTEM "CANARY/parameter">%x;]', 'a')],
  ['an external subset', doctype('SYSTEM "CANARY/subset"', 'a')],
  ['a DOCTYPE alone', doctype('', 'a')],
  ['a DOCTYPE with defaults for attributes', doctype('[<!ATTLIST Text xml:space CDATA "preserve">]', 'a')],
  ['a DOCTYPE that never ends', (honest) => ({ body: `<!DOCTYPE a [<!ENTITY x "${bare(honest)}` })],
  ['a DOCTYPE in small letters', (honest) => ({ body: `<!doctype a>${bare(honest)}` })],
  ['a DOCTYPE inside', (honest) => ({ body: after(honest, '<soap:Body>', '<!DOCTYPE a [<!ENTITY x "y">]>') })],
  ['a DOCTYPE in UTF-16', (honest) => ({
    body: Buffer.from(`\uFEFF<!DOCTYPE a [<!ENTITY x "${SMUGGLED}">]>${worded(bare(honest), '&x;')}`, 'utf16le'),
    headers: { 'content-type': XML_TYPE },
  })],
  ['an entity that nobody declared', (honest) => ({ body: worded(honest, '&nbsp;') })],
  ['a reference to no character', (honest) => ({ body: worded(honest, '&#0;') })],
  ['a reference to half a pair', (honest) => ({ body: worded(honest, '&#xD800;') })],
  ['a reference past all characters', (honest) => ({ body: worded(honest, `&#${'9'.repeat(5_000)};`) })],
  ['a style sheet', (honest, canary) => ({
    body: `<?xml-stylesheet type="text/xsl" href="${canary}/style"?>${bare(honest)}`,
  })],
  ['a processing instruction inside', (honest) => ({ body: after(honest, '<soap:Body>', '<?php system("id") ?>') })],
  ['a second declaration', (honest) => ({ body: after(honest, '<soap:Body>', '<?xml version="1.0"?>') })],
  ['XML 1.1', (honest) => ({ body: `<?xml version="1.1"?>${bare(honest)}` })],
]; // prettier-ignore

const deep = (count: number): string => `${'<a>'.repeat(count)}${'</a>'.repeat(count)}`;
const many = (count: number, one: (at: number) => string): string => Array.from({ length: count }, (_, at) => one(at)).join(''); // prettier-ignore

/** More of something than a reader can bear. */
export const TOO_MUCH: readonly (readonly [string, Attack])[] = [
  ['elements 200,000 deep', (honest) => ({ body: after(honest, '<soap:Body>', deep(200_000)) })],
  ['tags that are never closed', (honest) => ({ body: `${bare(honest).split('<soap:Body>')[0]}<soap:Body>${'<a>'.repeat(500_000)}` })],
  ['600,000 elements', (honest) => ({ body: honest.replace('</Allergies>', `${'<a/>'.repeat(600_000)}</Allergies>`) })],
  ['a million rows', (honest) => ({ body: honest.replace('</Allergies>', `${'<Allergy/>'.repeat(1_000_000)}</Allergies>`) })],
  ['50,000 attributes', (honest) => ({ body: honest.replace('<Allergies>', `<Allergies ${many(50_000, (at) => ` a${at}=""`)}>`) })],
  ['5,000 namespaces of one element', (honest) => ({ body: honest.replace('<Allergies>', `<Allergies ${many(5_000, (at) => ` xmlns:n${at}="u"`)}>`) })],
  ['more namespaces in force than anybody needs', (honest) => ({ body: after(honest, '<soap:Body>', `${many(90, (at) => `<a ${many(60, (n) => ` xmlns:n${at}-${n}="u"`)}>`)}${'</a>'.repeat(90)}`) })],
  ['an attribute of eleven million characters', (honest) => ({ body: honest.replace('<Allergies>', `<Allergies a="${'x'.repeat(11_000_000)}">`) })],
  ['eleven million spaces', (honest) => ({ body: honest.replace('<Allergies>', `<Allergies ${' '.repeat(11_000_000)}>`) })],
  ['a comment of eleven million characters', (honest) => ({ body: after(honest, '<soap:Body>', `<!--${'x'.repeat(11_000_000)}-->`) })],
  ['a bomb of gzip', (honest) => ({ body: gzipSync(worded(honest, 'x'.repeat(50_000_000))), headers: { 'content-encoding': 'gzip' } })],
  ['a bomb of deflate', (honest) => ({ body: deflateSync(worded(honest, 'x'.repeat(50_000_000))), headers: { 'content-encoding': 'deflate' } })],
  ['a bomb of brotli', (honest) => ({ body: brotliCompressSync(worded(honest, 'x'.repeat(5_000_000))), headers: { 'content-encoding': 'br' } })],
  ['gzip in gzip', (honest) => ({ body: gzipSync(gzipSync(honest)), headers: { 'content-encoding': 'gzip, gzip' } })],
  ['gzip that nobody announces', (honest) => ({ body: gzipSync(honest) })],
]; // prettier-ignore

const as = (type: string, body: string | Buffer): HostileAnswer => ({
  body,
  headers: { 'content-type': type },
});
const bytes = (honest: string, from: string, to: readonly number[]): Buffer => {
  const [before = '', behind = ''] = honest.split(from);
  return Buffer.concat([Buffer.from(before), Buffer.from(to), Buffer.from(behind)]);
};
const utf7 = (text: string): string => text.replaceAll('<', '+ADw-').replaceAll('>', '+AD4-');

/** Characters that are not what they are said to be. */
export const ENCODINGS: readonly (readonly [string, Attack])[] = [
  ['UTF-7, as HTTP says', (honest) => as(`${XML_TYPE}; charset=utf-7`, utf7(bare(honest)))],
  ['UTF-7, as the document says', (honest) => as(XML_TYPE, `<?xml version="1.0" encoding="UTF-7"?>${utf7(bare(honest))}`)],
  ['UTF-7 in a text', (honest) => as(XML_TYPE, utf7(bare(honest)))],
  ['"<" in two bytes', (honest) => ({ body: bytes(honest, '<Text>Penicillin', [0xc0, 0xbc, ...Buffer.from('Text>Penicillin')]) })],
  ['"/" in three bytes', (honest) => ({ body: bytes(honest, 'Penicillin', [0xe0, 0x80, 0xaf]) })],
  ['a NUL in two bytes', (honest) => ({ body: bytes(honest, 'Penicillin', [0xc0, 0x80]) })],
  ['half a pair in three bytes', (honest) => ({ body: bytes(honest, 'Penicillin', [0xed, 0xa0, 0x80]) })],
  ['half a character', (honest) => ({ body: bytes(honest, 'Penicillin', [0xe2, 0x82]) })],
  ['a NUL', (honest) => ({ body: bytes(honest, 'Penicillin', [0]) })],
  ['a control character', (honest) => ({ body: bytes(honest, 'Penicillin', [0x1b, 0x5b]) })],
  ['U+FFFF', (honest) => ({ body: worded(honest, '\uffff') })],
  ['UTF-16 without a mark that says UTF-8', (honest) => ({ body: Buffer.from(honest, 'utf16le') })],
  ['UTF-8 that says UTF-16', (honest) => as(XML_TYPE, `<?xml version="1.0" encoding="UTF-16"?>${bare(honest)}`)],
  ['half UTF-16', (honest) => as(XML_TYPE, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bare(honest), 'utf16le').subarray(0, -1)]))],
  ['UTF-16 with a lonely surrogate', (honest) => as(XML_TYPE, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(worded(bare(honest), '\ud800'), 'utf16le')]))],
  ['a mark of UTF-8 before UTF-16', (honest) => as(XML_TYPE, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(bare(honest), 'utf16le')]))],
  ['UTF-32', (honest) => as(XML_TYPE, Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), Buffer.from(Array.from(bare(honest)).flatMap((one) => [one.codePointAt(0) ?? 0, 0, 0, 0]))]))],
  ['EBCDIC', (honest) => as(XML_TYPE, `<?xml version="1.0" encoding="IBM037"?>${bare(honest)}`)],
  ['a charset that nobody has', (honest) => as(`${XML_TYPE}; charset="none; x"`, honest)],
  ['a byte that ASCII does not have', (honest) => as(`${XML_TYPE}; charset=us-ascii`, worded(honest, 'é'))],
  ['two words for its charset that differ', (honest) => as(`${XML_TYPE}; charset=windows-1252`, worded(honest, 'é'))],
]; // prettier-ignore

/** Names that mean something else than they look like (Namespaces in XML 1.0 §3 to §6). */
export const NAMESPACES: readonly (readonly [string, Attack])[] = [
  ['a prefix that is bound to nothing', (honest) => ({ body: honest.replace('<Allergies>', '<x:Allergies>').replace('</Allergies>', '</x:Allergies>') })],
  ['the reserved prefix, bound', (honest) => ({ body: honest.replace('<soap:Body>', '<soap:Body xmlns:xmlns="urn:x">') })],
  ['the prefix xml, bound to another', (honest) => ({ body: honest.replace('<soap:Body>', '<soap:Body xmlns:xml="urn:x">') })],
  ['a prefix taken back', (honest) => ({ body: honest.replace('<soap:Body>', '<soap:Body xmlns:soap="">') })],
  ['a Body that is bound anew', (honest) => ({ body: honest.replace('<soap:Body>', '<soap:Body xmlns:soap="urn:other">') })],
  ['an envelope that is nearly one', (honest) => ({ body: honest.replace(SOAP_12, `${SOAP_12}/`) })],
  ['an envelope of the other version', (honest) => ({ body: honest.replace(SOAP_12, 'http://schemas.xmlsoap.org/soap/envelope/') })],
  ['one attribute by two prefixes', (honest) => ({ body: honest.replace('<Allergies>', '<Allergies xmlns:a="urn:u" xmlns:b="urn:u" a:x="1" b:x="2">') })],
  ['an answer of another namespace', (honest) => ({ body: forged(honest).replace('http://hospix.example/clinical/2009/11', 'urn:other') })],
  ['a name of other letters', (honest) => ({ body: honest.replaceAll('soap:Body', 'soap:\u0412ody') })],
]; // prettier-ignore

/** Two messages in one: what was checked is not what is read (signature wrapping, McIntosh and Austel 2005). */
export const WRAPPED: readonly (readonly [string, Attack])[] = [
  ['a second Body behind', (honest) => ({ body: honest.replace('</soap:Envelope>', `${forged(bodyOf(honest))}</soap:Envelope>`) })],
  ['a second Body before', (honest) => ({ body: honest.replace('<soap:Body>', `${forged(bodyOf(honest))}<soap:Body>`) })],
  ['a Body in another Body', (honest) => ({ body: honest.replace(bodyOf(honest), `<soap:Body>${forged(bodyOf(honest))}</soap:Body>`) })],
  ['a whole envelope in the Body', (honest) => ({ body: honest.replace(bodyOf(honest), `<soap:Body>${forged(bare(honest))}</soap:Body>`) })],
  ['a second envelope behind', (honest) => ({ body: `${honest}${forged(bare(honest))}` })],
  ['an envelope around', (honest) => ({ body: `<wrap>${forged(bare(honest))}</wrap>` })],
  ['the Body in the Header, and none behind', (honest) => ({ body: honest.replace(bodyOf(honest), '').replace('</soap:Header>', `${forged(bodyOf(honest))}</soap:Header>`) })],
  ['the Header behind the Body', (honest) => ({ body: honest.replace(/<soap:Header>[^]*<\/soap:Header>/, '').replace('</soap:Envelope>', '<soap:Header/></soap:Envelope>') })],
  ['two answers', (honest) => ({ body: honest.replace('</soap:Body>', `${forged(bodyOf(honest)).replaceAll(/<\/?soap:Body>/g, '')}</soap:Body>`) })],
  ['an answer and a fault', (honest) => ({ body: honest.replace('</soap:Body>', '<soap:Fault/></soap:Body>') })],
  ['an answer to another question', (honest) => ({ body: honest.replaceAll('FindAllergiesResponse', 'FindEncountersResponse') })],
  ['an answer about somebody else', (honest) => ({ body: forged(honest).replaceAll('<MRN>100001</MRN>', '<MRN>100002</MRN>') })],
  ['an answer to another message', (honest) => ({ body: honest.replace(/urn:uuid:[\w-]+/, 'urn:uuid:00000000-0000-4000-8000-000000000000') })],
  ['a header that must be understood', (honest) => ({ body: honest.replace('<soap:Header>', '<soap:Header><x xmlns="urn:x" soap:mustUnderstand="true"/>') })],
]; // prettier-ignore

const PARTS = 'multipart/related; type="application/xop+xml"; start="<a@b>"; boundary=part';
const part = (type: string, id: string, body: string): string => `--part\r\nContent-Type: ${type}\r\nContent-ID: <${id}>\r\n\r\n${body}\r\n`; // prettier-ignore

/** Messages in parts, and what is not a message (MTOM, XOP; SOAP 1.2 part 2 §7). */
export const PARTED: readonly (readonly [string, Attack])[] = [
  ['MTOM with a part for a text', (honest) => as(PARTS, `${part('application/xop+xml', 'a@b', worded(honest, '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:c@d"/>'))}${part('text/plain', 'c@d', SMUGGLED)}--part--`)],
  ['MTOM of 20,000 parts', (honest) => as(PARTS, `${part('application/xop+xml', 'a@b', honest)}${many(20_000, (at) => part('text/plain', `${at}`, 'x'))}--part--`)],
  ['MTOM whose boundary never comes', (honest) => as(PARTS.replace('=part', '=other'), `${part('application/xop+xml', 'a@b', honest)}--part--`)],
  ['a form', (honest) => as('multipart/form-data; boundary=part', `${part('text/xml', 'a@b', honest)}--part--`)],
  ['JSON', () => as('application/json', `{"Allergies":"${SMUGGLED}"}`)],
  ['a page', (honest) => as('text/html', honest)],
]; // prettier-ignore

/**
 * What only looks like an attack, or is one on a reader that is none of XML (a comment that cuts a name in two: CVE-2017-11427). The honest answer comes of it, with a word in
 * place of `Penicillin`; undefined: with none, for what stands there is no text.
 */
export const HARMLESS: readonly (readonly [string, Attack, word: string | undefined])[] = [
  ['UTF-16 with its mark', (honest) => as(XML_TYPE, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bare(honest), 'utf16le')])), 'Penicillin'],
  ['big-endian UTF-16 that says so', (honest) => as(`${XML_TYPE}; charset=utf-16`, Buffer.from(`\uFEFF${bare(honest)}`, 'utf16le').swap16()), 'Penicillin'],
  ['a comment inside a word', (honest) => ({ body: worded(honest, 'Peni<!-- x -->cillin') }), 'Penicillin'],
  ['CDATA with markup', (honest) => ({ body: worded(honest, '<![CDATA[<script>&amp;]]>') }), '<script>&amp;'],
  ['a reference in a reference', (honest) => ({ body: worded(honest, '&amp;lt;&amp;#60;') }), '&lt;&#60;'],
  ['a text of a million characters', (honest) => ({ body: worded(honest, 'x'.repeat(1_000_000)) }), 'x'.repeat(1_000_000)],
  ['an attribute of two million characters', (honest) => ({ body: honest.replace('<Allergies>', `<Allergies a="${'x'.repeat(2_000_000)}">`) }), 'Penicillin'],
  ['a header block that nobody knows', (honest) => ({ body: honest.replace('<soap:Header>', `<soap:Header><x xmlns="urn:x">${SMUGGLED}</x>`) }), 'Penicillin'],
  ['an inclusion', (honest, canary) => ({ body: honest.replace('<Allergies>', `<Allergies><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="${canary}/include"/>`) }), 'Penicillin'],
  ['an inclusion in a word', (honest, canary) => ({ body: worded(honest, `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="${canary}/include" parse="text"/>`) }), undefined],
  ['a schema that is elsewhere', (honest, canary) => ({ body: honest.replace('<Allergies>', `<Allergies xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x ${canary}/schema">`) }), 'Penicillin'],
]; // prettier-ignore
