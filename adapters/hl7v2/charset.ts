import iconv from 'iconv-lite';
import { FicusError } from '../../src/errors.ts';
import { isLeftSwitched, maskDoubleByte, maskIso2022 } from './charset-mask.ts';
import type { Delimiters } from './delimiters.ts';

/**
 * Inside the codec bytes travel as *byte strings*: JavaScript strings of one character (0 to 255) a byte, so that
 * an index into the string is an index into the bytes and V8 keeps them one byte a character.
 */
export type ByteString = string;

/** One character set a message can be in. */
export interface Charset {
  /** As HL7 table 0211 writes it, where it is listed there. */
  readonly name: string;
  /** @throws {FicusError} `legacy-malformed` on a byte that does not decode: nothing ever becomes U+FFFD. */
  decode(bytes: ByteString): string;
  /** @throws {FicusError} `unmappable` on a character the set does not have: nothing ever becomes `?`. */
  encode(text: string): ByteString;
  /**
   * For sets whose characters hold bytes that look like delimiters: the same byte string with those bytes replaced
   * by 0xFF, for scanning only. Absent where delimiters are always what they seem.
   */
  readonly mask?: (bytes: ByteString) => ByteString;
  /** True where bytes below 0x80 may be part of a character (ISO 2022). */
  readonly sevenBit?: boolean;
}

const NON_ASCII = /[^\0-\x7f]/;

/** Whether a text or byte string holds ASCII only. */
export function isAsciiText(text: string): boolean {
  return !NON_ASCII.test(text);
}

/** Whether a byte string is ASCII without ISO 2022 escapes: its bytes are its characters in every set known here. */
export function isPlain(bytes: ByteString): boolean {
  return !NON_ASCII.test(bytes) && !bytes.includes('\u001b');
}

function undecodable(charset: string): FicusError {
  return new FicusError('legacy-malformed', `A byte of the HL7v2 message does not decode as ${charset}.`);
}

function unencodable(charset: string): FicusError {
  return new FicusError(
    'unmappable',
    `A character has no place in ${charset}, the character set of this interface.`,
  );
}

function toBytes(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1');
}

const ascii: Charset = {
  name: 'ASCII',
  decode: (bytes) => {
    if (NON_ASCII.test(bytes)) throw undecodable('ASCII');
    return bytes;
  },
  encode: (text) => {
    if (NON_ASCII.test(text)) throw unencodable('ASCII');
    return text;
  },
};

const latin1: Charset = {
  name: '8859/1',
  decode: (bytes) => bytes,
  encode: (text) => {
    if (/[^\0-\xff]/.test(text)) throw unencodable('8859/1');
    return text;
  },
};

function utf8(): Charset {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return {
    name: 'UNICODE UTF-8',
    decode: (bytes) => {
      const buffer = toBytes(bytes);
      const text = buffer.toString('utf8');
      if (!text.includes('\uFFFD')) return text;
      try {
        return strict.decode(buffer);
      } catch {
        throw undecodable('UNICODE UTF-8');
      }
    },
    encode: (text) => {
      if (!text.isWellFormed()) throw unencodable('UNICODE UTF-8');
      return Buffer.from(text, 'utf8').toString('latin1');
    },
  };
}

/** A single-byte set known to iconv-lite; what it does not define it decodes to U+FFFD, which none of them contains. */
function singleByte(name: string, encoding: string): Charset {
  return {
    name,
    decode: (bytes) => {
      const text = iconv.decode(toBytes(bytes), encoding);
      if (text.includes('\uFFFD')) throw undecodable(name);
      return text;
    },
    encode: (text) => {
      const bytes = iconv.encode(text, encoding);
      if (iconv.decode(bytes, encoding) !== text) throw unencodable(name);
      return bytes.toString('latin1');
    },
  };
}

/** A multi-byte set: ICU decodes it strictly; iconv-lite encodes it, checked by decoding what came out. */
function multiByte(name: string, label: string, encoding: string, mask?: Charset['mask']): Charset {
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  const decode = (bytes: Buffer): string | undefined => {
    try {
      return decoder.decode(bytes);
    } catch {
      return undefined;
    }
  };
  return {
    name,
    decode: (bytes) => {
      const text = decode(toBytes(bytes));
      if (text === undefined) throw undecodable(name);
      return text;
    },
    encode: (text) => {
      const bytes = iconv.encode(text, encoding);
      if (decode(bytes) !== text) throw unencodable(name);
      return bytes.toString('latin1');
    },
    ...(mask ? { mask } : {}),
  };
}

/**
 * ISO 2022-JP: read with ICU; no library at hand writes it, so only ASCII is written. A value that does not switch back
 * holds separators and other values as characters: it does not decode.
 */
function iso2022(name: string): Charset {
  const charset = multiByte(name, 'iso-2022-jp', 'ascii', maskIso2022);
  return {
    ...charset,
    decode: (bytes) => {
      if (isLeftSwitched(bytes)) throw undecodable(name);
      return charset.decode(bytes);
    },
    sevenBit: true,
  };
}

const latin = (part: number) => () => singleByte(`8859/${part}`, `iso-8859-${part}`);
const windows = (page: number) => () => singleByte(`WINDOWS-${page}`, `windows-${page}`);

/** HL7 v2.5.1 table 0211, and the IANA names that feeds use in its place. Upper case. */
const FACTORIES: Readonly<Record<string, () => Charset>> = {
  ASCII: () => ascii,
  '8859/1': () => latin1,
  ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 9, 15].map((part) => [`8859/${part}`, latin(part)])),
  ...Object.fromEntries(
    [1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257].map((page) => [`WINDOWS-${page}`, windows(page)]),
  ),
  'UNICODE UTF-8': utf8,
  'GB 18030-2000': () => multiByte('GB 18030-2000', 'gb18030', 'gb18030', maskDoubleByte('gb18030')),
  'BIG-5': () => multiByte('BIG-5', 'big5', 'big5', maskDoubleByte('big5')),
  'KS X 1001': () => multiByte('KS X 1001', 'euc-kr', 'euc-kr', maskDoubleByte('euc-kr')),
  SHIFT_JIS: () => multiByte('SHIFT_JIS', 'shift_jis', 'shiftjis', maskDoubleByte('shift_jis')),
  'EUC-JP': () => multiByte('EUC-JP', 'euc-jp', 'euc-jp'),
  'ISO IR87': () => iso2022('ISO IR87'),
};

const ALIASES: Readonly<Record<string, string>> = {
  'US-ASCII': 'ASCII',
  'ISO IR6': 'ASCII',
  UNICODE: 'UNICODE UTF-8',
  'UTF-8': 'UNICODE UTF-8',
  UTF8: 'UNICODE UTF-8',
  LATIN1: '8859/1',
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9, 15].map((part) => [`ISO-8859-${part}`, `8859/${part}`])),
  GB18030: 'GB 18030-2000',
  BIG5: 'BIG-5',
  'EUC-KR': 'KS X 1001',
  'ISO-2022-JP': 'ISO IR87',
  'ISO IR159': 'ISO IR87',
};

const made = new Map<string, Charset>();

/**
 * The character set of a name of HL7 table 0211 (or the IANA name used in its place), case-insensitive.
 * UTF-16 and UTF-32 cannot travel over MLLP (MLLP R1: data bytes above 0x1F and CR only) and are not known.
 * @returns undefined for a name that is not known: no guess is made.
 */
export function charsetNamed(name: string): Charset | undefined {
  const upper = name.trim().toUpperCase();
  const key = ALIASES[upper] ?? upper;
  const known = made.get(key);
  if (known) return known;
  const factory = Object.hasOwn(FACTORIES, key) ? FACTORIES[key] : undefined;
  if (!factory) return undefined;
  const charset = factory();
  made.set(key, charset);
  return charset;
}

/** What decides a message's character set, strongest first: the connection, MSH-18, the configured default. */
export interface CharsetChoice {
  /** Declared for the connection: overrides what messages say of themselves. */
  readonly charset?: string | undefined;
  /** For messages whose MSH-18 is empty; `UNICODE UTF-8` when not given. */
  readonly defaultCharset?: string | undefined;
}

/** `Charset.mask` of a character set. Where it is not known there is none: the bytes are taken as they seem. */
export function maskIn(charset: () => Charset): Charset['mask'] {
  try {
    return charset().mask;
  } catch {
    return undefined;
  }
}

/** The repetitions of MSH-18, taken from the bytes of the header: what says how to read the rest cannot need it. */
export function charsetNames(header: ByteString, delimiters: Delimiters): string[] {
  const field = header.split(delimiters.field, 18)[17] ?? '';
  return delimiters.repetition === '' ? [field] : field.split(delimiters.repetition);
}

/**
 * HL7 v2.5.1 §2.15.9.18: of several repetitions the first is the default; `ASCII~ISO IR87` (and 159) announces ISO 2022
 * switching.
 * @param msh18 its repetitions, as `charsetNames` gives them.
 * @throws {FicusError} `legacy-malformed` when the name that decides is not known.
 */
export function chooseCharset(choice: CharsetChoice, msh18: readonly string[]): Charset {
  const first = msh18[0] ?? '';
  const switching = msh18.find((name) => name === 'ISO IR87' || name === 'ISO IR159');
  const said = (first === '' || first === 'ASCII' || first === 'ISO IR6') && switching ? switching : first;
  const name = choice.charset ?? (said === '' ? (choice.defaultCharset ?? 'UNICODE UTF-8') : said);
  const charset = charsetNamed(name);
  if (charset) return charset;
  // The name itself stays out of the text: a shifted field could hold anything.
  const source =
    choice.charset !== undefined ? 'of the connection' : said === '' ? 'set as default' : 'in MSH-18';
  throw new FicusError(
    'legacy-malformed',
    `The character set ${source} is not one of HL7 table 0211 that can be read.`,
  );
}
