import { isJsonObject } from '../../fhir/json.ts';
import { parseReference } from '../../fhir/reference.ts';
import type { SearchValue } from '../../fhir/search-query.ts';
import type { Json } from '../../fhir/types.ts';
import { compileToken } from './token.ts';

/**
 * Tests one value that a reference parameter's expression found: a Reference, or a canonical or uri.
 * A relative reference and the absolute one that stands for it on this server (`base`) are the same.
 * @param base the server's own base address, without a slash at its end.
 * @param modifier `identifier`: the value is a token, compared with `Reference.identifier`.
 * FHIR R4 search.html#reference
 */
export function compileReference(
  value: SearchValue,
  modifier: string,
  base: string | undefined,
): (item: Json) => boolean {
  if (modifier === 'identifier') {
    const token = compileToken(value, { caseSensitive: false });
    return (item) => {
      const identifier = isJsonObject(item) ? item['identifier'] : undefined;
      return identifier !== undefined && token(identifier);
    };
  }
  const test = value.refId === undefined ? absolute(value.text, base) : relative(value, base);
  return (item) => {
    const reference = isJsonObject(item) ? item['reference'] : item;
    return typeof reference === 'string' && test(reference);
  };
}

function relative({ refType, refId }: SearchValue, base: string | undefined): (found: string) => boolean {
  const whole = refType === undefined ? undefined : `${refType}/${refId}`;
  return (found) => {
    if (found === whole) return true;
    const parsed = parseReference(found);
    if (parsed?.kind !== 'relative' && !(parsed?.kind === 'absolute' && parsed.base === base)) return false;
    return parsed.id === refId && (refType === undefined || parsed.type === refType);
  };
}

function absolute(text: string, base: string | undefined): (found: string) => boolean {
  const versioned = text.includes('|');
  return (found) => {
    if (found === text) return true;
    const parsed = parseReference(found);
    if (parsed?.kind === 'absolute') return `${parsed.base}/${parsed.type}/${parsed.id}` === text;
    if (parsed?.kind === 'relative') return `${base}/${parsed.type}/${parsed.id}` === text;
    return !versioned && found.split('|', 1)[0] === text;
  };
}
