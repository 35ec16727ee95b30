/** Production Char of XML 1.0 (5th ed.) §2.2; half a surrogate pair is none. */
const LEGAL_TEXT = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u;

const NAME_START =
  'A-Z_a-z\\u{c0}-\\u{d6}\\u{d8}-\\u{f6}\\u{f8}-\\u{2ff}\\u{370}-\\u{37d}\\u{37f}-\\u{1fff}\\u{200c}\\u{200d}' +
  '\\u{2070}-\\u{218f}\\u{2c00}-\\u{2fef}\\u{3001}-\\u{d7ff}\\u{f900}-\\u{fdcf}\\u{fdf0}-\\u{fffd}\\u{10000}-\\u{effff}';

const NC_NAME = new RegExp(
  `^[${NAME_START}][${NAME_START}\\-.0-9\\u{b7}\\u{300}-\\u{36f}\\u{203f}\\u{2040}]*$`,
  'u',
);

/** Whether every character is one XML 1.0 allows (production Char). */
export function isLegalText(text: string): boolean {
  return LEGAL_TEXT.test(text);
}

/** Whether a code point is one XML 1.0 allows (production Char): what a numeric reference may name. */
export function isLegalCodePoint(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  if (code < 0xd800) return true;
  return code > 0xdfff && code !== 0xfffe && code !== 0xffff && code <= 0x10ffff;
}

/** Whether the text is a name without a colon (Namespaces in XML 1.0 §4, NCName). */
export function isNcName(text: string): boolean {
  return NC_NAME.test(text);
}
