import { typeDef } from '../../fhir/elements.ts';
import type { SearchParameterDef } from '../../fhir/search-parameters.ts';
import type { SearchValue } from '../../fhir/search-query.ts';

/** Nobody's id, and a value that nothing has. */
export const NOBODY = 'ficus-contract-check';
const SYSTEM = 'urn:ficus:contract-check';
/** A token of these is written without a system (FHIR R4 search.html#token). */
const BARE: readonly (string | undefined)[] = ['ContactPoint', 'uri', 'url', 'id', 'string', 'code'];

/** A well-formed value of a parameter. */
export interface Sample {
  /** As it stands in a URL, not yet encoded. */
  readonly raw: string;
  readonly value: SearchValue;
  /** Nothing can have it. */
  readonly impossible: boolean;
}

/** A value to search by that, wherever there can be one, no resource has. */
export function sampleOf({ type, targets, expression }: SearchParameterDef): Sample {
  switch (type) {
    case 'token':
      return tokenSample(expression);
    case 'reference': {
      const [refType = 'Patient'] = targets ?? [];
      return sample(`${refType}/${NOBODY}`, { refType, refId: NOBODY });
    }
    case 'date':
      return sample('1700-01-01');
    case 'string':
      return sample(NOBODY);
    case 'uri':
      return sample(`${SYSTEM}:${NOBODY}`);
    case 'number':
      return sample('-987654321');
    case 'quantity':
      return sample(`-987654321|${SYSTEM}|${NOBODY}`, { text: '-987654321', system: SYSTEM, code: NOBODY });
    case 'composite':
    case 'special':
    default:
      return { ...sample(`${NOBODY}$${NOBODY}`), impossible: false };
  }
}

function tokenSample(expression: string | undefined): Sample {
  const element = elementType(expression);
  if (element === 'boolean') return { ...sample('true', { code: 'true' }), impossible: false };
  if (BARE.includes(element)) return sample(NOBODY, { code: NOBODY });
  return sample(`${SYSTEM}|${NOBODY}`, { system: SYSTEM, code: NOBODY });
}

function sample(raw: string, more: Partial<SearchValue> = {}): Sample {
  return { raw, value: { text: raw, ...more }, impossible: true };
}

/** Type of the element that a parameter looks at, where its expression is a path or a question. */
function elementType(expression = ''): string | undefined {
  if (expression.includes('exists()')) return 'boolean';
  let [type, ...names]: (string | undefined)[] = (expression.split(' | ')[0] ?? '').split('.');
  for (const name of names) type = typeDef(type ?? '')?.elements.get(name ?? '')?.types[0];
  return type;
}
