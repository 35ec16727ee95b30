import { isJsonObject } from '../../fhir/json.ts';
import type { SearchValue } from '../../fhir/search-query.ts';
import type { Json } from '../../fhir/types.ts';
import { searchForms } from '../text.ts';

/**
 * The string parts of HumanName and Address that a search covers (FHIR R4 search.html#string): not `use`, not `period`.
 */
const PARTS = [
  'text',
  'family',
  'given',
  'prefix',
  'suffix',
  'line',
  'city',
  'district',
  'state',
  'postalCode',
  'country',
] as const;

/**
 * Tests one value that a string parameter's expression found: a string, HumanName or Address.
 * @param modifier '' starts with, `contains` anywhere, both without regard to case, accents and punctuation; `exact`
 *   the whole.
 * @param family the values are family names, each of whose parts is searched: `Quinones` finds `Carreno Quinones`.
 */
export function compileString(
  value: SearchValue,
  modifier: string,
  family: boolean,
): (item: Json) => boolean {
  const test = modifier === 'exact' ? exactly(value.text) : loosely(value.text, modifier === 'contains');
  return (item) => someStringPart(item, family, test);
}

/**
 * Whether any string that a search covers in a value stands the test: the value itself, or the parts of a HumanName or
 * an Address.
 * @param test is told whether the part is a family name, each of whose parts is searched.
 */
export function someStringPart(
  item: Json,
  family: boolean,
  test: (part: string, family: boolean) => boolean,
): boolean {
  if (typeof item === 'string') return test(item, family);
  if (!isJsonObject(item)) return false;
  return PARTS.some((name) => {
    const part = item[name];
    if (typeof part === 'string') return test(part, name === 'family');
    return Array.isArray(part) && part.some((it) => typeof it === 'string' && test(it, false));
  });
}

function exactly(text: string): (found: string) => boolean {
  const wanted = text.normalize('NFC');
  return (found) => found.normalize('NFC') === wanted;
}

function loosely(text: string, anywhere: boolean): (found: string, family: boolean) => boolean {
  const wanted = searchForms(text);
  return (found, family) =>
    searchForms(found).some((form) =>
      wanted.some(
        (it) => (anywhere ? form.includes(it) : form.startsWith(it)) || (family && form.includes(` ${it}`)),
      ),
    );
}
