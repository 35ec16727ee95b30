import { isAscii, isUtf8 } from 'node:buffer';
import { malformedXml } from './xml-malformed.ts';

export interface CharsetHints {
  /** `charset` of the Content-Type header. */
  readonly httpCharset?: string | undefined;
  /** Charset by configuration: wins over everything the document and its transport say. */
  readonly charset?: string | undefined;
}

/**
 * XML declaration (XML 1.0 §2.8, production XMLDecl), version 1.0 only. Groups 1 or 2: the encoding.
 * Sticky: set lastIndex before use.
 */
export const XML_DECLARATION =
  /<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)'))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/y;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** More than any XML declaration in use takes. */
const DECLARATION_BYTES = 256;

/**
 * The characters of an XML document by its charset (RFC 7303 §3): configuration, byte order mark, HTTP, the XML
 * declaration, else UTF-8. A byte that does not decode is an error, never U+FFFD.
 *
 * @throws FicusError `legacy-malformed`: undecodable, unknown charset, or declarations that contradict each other
 *   in a way that changes the text.
 */
export function decodeXml(bytes: Uint8Array, hints: CharsetHints = {}): string {
  const mark = byteOrderMark(bytes);
  const content = mark === undefined ? bytes : bytes.subarray(mark.length);
  if (hints.charset !== undefined) return decode(content, hints.charset.toLowerCase());
  if (mark !== undefined) return decode(content, mark.charset);

  const detected = detectUtf16(content);
  const http = hints.httpCharset?.toLowerCase();
  if (http !== undefined) {
    if (http === 'utf-16') return decode(content, detected ?? 'utf-16be');
    if (http !== 'utf-8') refuseMislabelledUtf8(content);
    return decode(content, http);
  }
  if (detected !== undefined) return decode(content, detected);

  const declared = declaredCharset(content) ?? 'utf-8';
  if (declared.startsWith('utf-16')) throw malformedXml('it declares UTF-16 and is not');
  return decode(content, declared);
}

function byteOrderMark(bytes: Uint8Array): { length: number; charset: string } | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return { length: 3, charset: 'utf-8' };
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { length: 2, charset: 'utf-16le' };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { length: 2, charset: 'utf-16be' };
  return undefined;
}

/** UTF-16 without a mark: a document begins with `<` (XML 1.0 appendix F). */
function detectUtf16(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x3c && bytes[1] === 0) return 'utf-16le';
  return bytes[0] === 0 && bytes[1] === 0x3c ? 'utf-16be' : undefined;
}

function declaredCharset(bytes: Uint8Array): string | undefined {
  // `<?`: without it there is no declaration, and no need to look further.
  if (bytes[0] !== 0x3c || bytes[1] !== 0x3f) return undefined;
  const head = Buffer.from(
    bytes.buffer,
    bytes.byteOffset,
    Math.min(bytes.length, DECLARATION_BYTES),
  ).toString('latin1');
  XML_DECLARATION.lastIndex = 0;
  const found = XML_DECLARATION.exec(head);
  return (found?.[1] ?? found?.[2])?.toLowerCase();
}

/**
 * HTTP is authoritative over the declaration, but servers label by default. Where HTTP names another charset, the
 * document declares UTF-8, and its bytes are non-ASCII and valid UTF-8, one of the two is wrong and the names in the
 * answer would be garbled: nobody may guess which.
 */
function refuseMislabelledUtf8(bytes: Uint8Array): void {
  if (declaredCharset(bytes) === 'utf-8' && !isAscii(bytes) && isUtf8(bytes)) {
    throw malformedXml('HTTP and the XML declaration name different charsets; configure the right one');
  }
}

function decode(bytes: Uint8Array, charset: string): string {
  try {
    if (charset === 'utf-8' || charset === 'utf8') return utf8.decode(bytes);
    if (charset === 'us-ascii' || charset === 'ascii') return decodeSingleBytes(bytes, 0x80, 0xff);
    // TextDecoder reads ISO-8859-1 as windows-1252. Bytes on which the two differ are not guessed about.
    if (charset === 'iso-8859-1' || charset === 'latin1') return decodeSingleBytes(bytes, 0x80, 0x9f);
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof RangeError) throw malformedXml('its charset is not supported', undefined, cause);
    throw malformedXml('a byte that its charset does not have', undefined, cause);
  }
}

function decodeSingleBytes(bytes: Uint8Array, firstRefused: number, lastRefused: number): string {
  for (const byte of bytes) {
    if (byte >= firstRefused && byte <= lastRefused) throw new TypeError('byte outside of the charset');
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
