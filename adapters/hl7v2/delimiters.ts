import { FicusError } from '../../src/errors.ts';

/** The separators of one message: HL7 v2.5.1 §2.5.4. A code of -1 is a delimiter the header does not name. */
export interface Delimiters {
  readonly field: string;
  /** '' when MSH-2 does not name it. */
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
  /** Truncation character, HL7 v2.7 §2.5.5.2. */
  readonly truncation: string;
  readonly codes: DelimiterCodes;
}

/** Character codes of the delimiters, for scanning; -1 where there is none. */
export interface DelimiterCodes {
  readonly field: number;
  readonly component: number;
  readonly repetition: number;
  readonly escape: number;
  readonly subcomponent: number;
  readonly truncation: number;
}

const known = new Map<string, Delimiters>();
const KNOWN_LIMIT = 64;

function codeOf(delimiter: string): number {
  return delimiter === '' ? -1 : delimiter.charCodeAt(0);
}

/**
 * Delimiters from MSH-1 and MSH-2 (positions: component, repetition, escape, subcomponent, truncation). A character
 * that repeats an earlier one cannot separate anything and counts as not named.
 * @throws {FicusError} `legacy-malformed` when the field separator is a letter, a digit, a blank, a control character
 *   or not ASCII.
 */
export function delimitersOf(field: string, encodingCharacters: string): Delimiters {
  const key = field + encodingCharacters;
  const found = known.get(key);
  if (found) return found;
  if (!isDelimiter(field)) throw new FicusError('legacy-malformed', 'MSH-1 is not a field separator.');
  const seen = new Set([field]);
  const take = (index: number): string => {
    const character = encodingCharacters.charAt(index);
    if (!isDelimiter(character) || seen.has(character)) return '';
    seen.add(character);
    return character;
  };
  const [component, repetition, escape, subcomponent, truncation] = [
    take(0),
    take(1),
    take(2),
    take(3),
    take(4),
  ];
  const delimiters: Delimiters = {
    field,
    component,
    repetition,
    escape,
    subcomponent,
    truncation,
    codes: {
      field: codeOf(field),
      component: codeOf(component),
      repetition: codeOf(repetition),
      escape: codeOf(escape),
      subcomponent: codeOf(subcomponent),
      truncation: codeOf(truncation),
    },
  };
  if (known.size < KNOWN_LIMIT) known.set(key, delimiters);
  return delimiters;
}

/** Printable ASCII that is neither a letter, a digit nor a blank. */
function isDelimiter(character: string): boolean {
  return /^[!-/:-@[-`{-~]$/.test(character);
}

/** `|^~\&`: what HL7 suggests and nearly everybody uses. */
export const DEFAULT_DELIMITERS = delimitersOf('|', '^~\\&');
