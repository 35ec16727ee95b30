/** How two values of an element differ; nothing to tell when they do not. */
export interface Change {
  /** In words without values, where more than "changed" can be said. */
  readonly detail?: string;
}

export const CHANGED: Change = {};

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&apos;': "'",
};

/** Text in Unicode's composed form: `ü` is one character, however it was typed. */
export function canonicalText(text: string): string {
  return text.normalize('NFC');
}

/**
 * Text for people (FHIR string, markdown, xhtml). The same characters in another normal form are the same; white space
 * at the ends and in runs is told as such, because it changes what a client shows and never what it says.
 */
export function textChange(legacy: string, modern: string): Change | undefined {
  const before = canonicalText(legacy);
  const after = canonicalText(modern);
  if (before === after) return undefined;
  return { detail: reasonOf(before, after) } as Change;
}

function reasonOf(before: string, after: string): string | undefined {
  if (squeezed(before) === squeezed(after)) return 'white space';
  if (before.toLowerCase() === after.toLowerCase()) return 'letter case';
  if (unescaped(after) === before || unescaped(before) === after) return 'HTML escaped';
  if (isBroken(before, after) || isBroken(after, before)) return 'characters broken';
  if (before.startsWith(after)) return 'cut off';
  return undefined;
}

function squeezed(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39|apos);/g, (entity) => ENTITIES[entity]!);
}

/**
 * Whether `broken` is `whole` after a wrong charset: characters beyond ASCII replaced, or their UTF-8 read as Latin-1.
 */
function isBroken(whole: string, broken: string): boolean {
  if (Buffer.from(whole, 'utf8').toString('latin1') === broken) return true;
  const good = Array.from(whole);
  const bad = Array.from(broken);
  return (
    good.length === bad.length &&
    good.every((it, at) => it === bad[at] || (it > '\u007F' && (bad[at] === '?' || bad[at] === '\uFFFD')))
  );
}
