/** Character codes the scanner looks for. */
export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const SPACE = 0x20;
export const BANG = 0x21;
export const QUOTE = 0x22;
export const AMPERSAND = 0x26;
export const APOSTROPHE = 0x27;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const LESS = 0x3c;
export const EQUALS = 0x3d;
export const GREATER = 0x3e;
export const QUESTION = 0x3f;
export const BRACKET = 0x5d;

/** A character that a name may hold, but not begin with. */
export const NAME_PART = 1;
const NAME_START = 2;
/** ASCII characters by what they are in a name without a colon; 0: none of it. */
export const NAME_CLASS = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z_]/.test(character)) return NAME_START;
  return /[-.0-9]/.test(character) ? NAME_PART : 0;
});

/** White space of XML 1.0 §2.3, line ends normalised. */
export function isSpace(code: number): boolean {
  return code === SPACE || code === NEWLINE || code === TAB;
}
