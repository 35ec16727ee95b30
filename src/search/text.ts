/**
 * Which of two texts comes first, character by character. JavaScript's own order goes by halves of characters: it puts
 * those beyond U+FFFF before U+E000.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one === other) continue;
    if (isHalf(one) !== isHalf(other) && (one >= AFTER_HALVES || other >= AFTER_HALVES)) return other - one;
    return one - other;
  }
  return a.length - b.length;
}

const AFTER_HALVES = 0xe000;

function isHalf(unit: number): boolean {
  return unit >= 0xd800 && unit < AFTER_HALVES;
}

const ASCII = /^[\0-\x7f]*$/;

/** `text` without case and without combining marks, so that `É`, `é` and `e` are one (FHIR R4 search.html#string). */
export function foldCase(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  // Upper case first: ß becomes SS and every form of sigma the same letter. Composed again so that Hangul syllables
  // stay whole.
  return text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFC');
}

/**
 * The forms under which a string is compared: punctuation ignored, and punctuation as a gap, both with runs of white
 * space as one space. `O'Neil` is `oneil` and `o neil`; `Smith-Jones` is `smithjones` and `smith jones`. Empty when
 * nothing is left.
 */
export function searchForms(text: string): readonly string[] {
  const folded = foldCase(text);
  const without = tidy(folded.replace(/\p{P}+/gu, ''));
  const spaced = tidy(folded.replace(/\p{P}+/gu, ' '));
  if (spaced === '') return [];
  return without === spaced ? [without] : [without, spaced];
}

function tidy(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
