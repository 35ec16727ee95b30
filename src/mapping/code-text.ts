const CODE = /^\S+( \S+)*$/;

/** Whether a text is a code of FHIR (R4 datatypes.html#code). Most are short and plain, and need no search. */
export function isCodeText(text: string): boolean {
  return isPlain(text) || CODE.test(text);
}

const LONGEST = 24;

/** Printable ASCII without a blank. */
function isPlain(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > LONGEST) return false;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}
