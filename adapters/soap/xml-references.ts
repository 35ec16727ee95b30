import { isLegalCodePoint } from './xml-characters.ts';
import { malformedXml } from './xml-malformed.ts';

const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['apos', "'"],
  ['quot', '"'],
]);

/**
 * Replaces the five predefined entities and numeric character references (XML 1.0 §4.1, §4.6), once: what comes out
 * is not looked at again. Without a DOCTYPE there are no other entities, so nothing can expand.
 *
 * @param at where the text stands in the document, for the error.
 */
export function expandReferences(text: string, at: number): string {
  let out = '';
  let from = 0;
  for (let amp = text.indexOf('&'); amp >= 0; amp = text.indexOf('&', from)) {
    const end = text.indexOf(';', amp);
    if (end < 0) throw malformedXml('"&" that begins no reference', at + amp);
    const character = referenced(text.slice(amp + 1, end));
    if (character === undefined) throw malformedXml('a reference to no legal character', at + amp);
    out += text.slice(from, amp) + character;
    from = end + 1;
  }
  return out + text.slice(from);
}

function referenced(name: string): string | undefined {
  const digits = /^#(?:x([0-9A-Fa-f]+)|([0-9]+))$/.exec(name);
  if (digits === null) return PREDEFINED.get(name);
  const code = digits[1] === undefined ? Number.parseInt(digits[2]!, 10) : Number.parseInt(digits[1], 16);
  return isLegalCodePoint(code) ? String.fromCodePoint(code) : undefined;
}
