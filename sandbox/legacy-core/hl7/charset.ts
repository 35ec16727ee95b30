/** Character sets of HL7 table 0211 that the old core knows. */
type Charset = 'utf-8' | 'latin1' | 'ascii';

const NAMES: Readonly<Record<string, Charset>> = {
  'UNICODE UTF-8': 'utf-8',
  'UTF-8': 'utf-8',
  '8859/1': 'latin1',
  'ISO-8859-1': 'latin1',
  ASCII: 'ascii',
};

/** The bytes are not in the character set that MSH-18 declares, or that set is unknown. */
export class CharsetError extends Error {
  readonly unknown: boolean;

  constructor(message: string, unknown: boolean) {
    super(message);
    this.unknown = unknown;
  }
}

/** Decodes by MSH-18 (HL7 v2.5.1 §2.15.9.18); an empty MSH-18 is read as UTF-8. Throws CharsetError, never guesses. */
export function decodeMessage(bytes: Buffer): string {
  const declared = declaredCharset(bytes);
  const charset = declared === '' ? 'utf-8' : NAMES[declared];
  if (!charset) throw new CharsetError('MSH-18 names a character set that is not known here', true);
  if (charset === 'latin1') return bytes.toString('latin1');
  if (charset === 'ascii' && bytes.some((byte) => byte > 0x7f)) {
    throw new CharsetError('The message holds bytes that are not ASCII', false);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CharsetError('The message holds bytes that are not UTF-8', false);
  }
}

/**
 * Encodes an answer in the character set the sender uses, and says in MSH-18 which one it was: UTF-8 when the sender's
 * set cannot carry the text.
 */
export function encodeMessage(build: (msh18: string) => string, requested: string): Buffer {
  const charset = NAMES[requested];
  if (charset === 'latin1') {
    const text = build(requested);
    if (!/[\u0100-\uffff]/.test(text)) return Buffer.from(text, 'latin1');
  }
  if (charset === 'ascii' || requested === '') {
    const text = build(requested);
    if (!/[\u0080-\uffff]/.test(text)) return Buffer.from(text, 'latin1');
  }
  return Buffer.from(build('UNICODE UTF-8'), 'utf8');
}

/** MSH-18 as written, or ''. */
export function declaredCharset(bytes: Buffer): string {
  const end = bytes.findIndex((byte) => byte === 0x0d || byte === 0x0a);
  const msh = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  const separator = msh[3] ?? '|';
  const repetition = msh[5] ?? '~';
  return (msh.split(separator)[17] ?? '').split(repetition)[0] ?? '';
}
