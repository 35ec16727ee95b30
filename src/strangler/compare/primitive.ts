import { decimalText } from '../../fhir/json.ts';
import type { Json } from '../../fhir/types.ts';
import { canonicalDecimal, decimalChange } from './decimal.ts';
import { canonicalText, CHANGED, textChange, type Change } from './text.ts';
import { canonicalClock, canonicalTime, timeChange } from './time.ts';

/** What tells a client's program that it reads something else than before: a number as string, a list as one value. */
export const OTHER_JSON: Change = { detail: 'the JSON type' };

/** How a type's values (as JSON strings) are brought to one form, and how they differ. */
interface Texts {
  readonly canonical: (text: string) => string;
  readonly change?: (legacy: string, modern: string) => Change | undefined;
}

const PEOPLE: Texts = { canonical: canonicalText, change: textChange };
const TIME: Texts = { canonical: canonicalTime, change: timeChange };
const TEXTS: Readonly<Record<string, Texts>> = {
  string: PEOPLE,
  markdown: PEOPLE,
  xhtml: PEOPLE,
  date: TIME,
  dateTime: TIME,
  instant: TIME,
  time: { canonical: canonicalClock },
  base64Binary: { canonical: (text) => text.replaceAll(/\s/g, '') },
};
const OTHER: Texts = { canonical: canonicalText };

/** One text for all ways to write a primitive value of a FHIR type; of another JSON type another one. */
export function canonicalPrimitive(type: string, value: Json): string {
  if (typeof value === 'string') return `"${(TEXTS[type] ?? OTHER).canonical(value)}`;
  const number = decimalText(value);
  if (number === undefined) return JSON.stringify(value);
  return type === 'decimal' ? canonicalDecimal(number) : number;
}

/** How two primitive values of a FHIR type differ; undefined: they say the same. */
export function primitiveChange(type: string, legacy: Json, modern: Json): Change | undefined {
  const before = decimalText(legacy);
  const after = decimalText(modern);
  if (before !== undefined && after !== undefined) {
    if (type === 'decimal' || type === '') return decimalChange(before, after);
    return before === after ? undefined : CHANGED;
  }
  if (before !== undefined || after !== undefined || typeof legacy !== typeof modern) return OTHER_JSON;
  if (typeof legacy !== 'string' || typeof modern !== 'string')
    return legacy === modern ? undefined : CHANGED;
  const { canonical, change } = TEXTS[type] ?? OTHER;
  if (canonical(legacy) === canonical(modern)) return undefined;
  return change ? change(legacy, modern) : CHANGED;
}
