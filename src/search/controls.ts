import { FicusError } from '../errors.ts';
import { typeDef } from '../fhir/elements.ts';
import { searchParameter } from '../fhir/search-parameters.ts';
import type { SearchParamType, SearchQuery, SortKey } from '../fhir/search-query.ts';
import type { ParseOptions } from './rules.ts';
import { invalid } from './values.ts';

/** The parameter that carries the opaque token of a page. */
export const PAGE_PARAMETER = '_page';

/**
 * The parameters that shape the answer instead of filtering it (FHIR R4 search.html#return), as far as they are known
 * yet.
 */
export interface Controls {
  readonly sort: SortKey[];
  readonly include: SearchQuery['include'][number][];
  revinclude?: NonNullable<SearchQuery['revinclude']>[number][];
  count?: number;
  total?: NonNullable<SearchQuery['total']>;
  summary?: NonNullable<SearchQuery['summary']>;
  elements?: readonly string[];
  page?: string;
}

type Reader = (controls: Controls, raw: string, type: string, options: ParseOptions) => string | undefined;

const UNSORTABLE: readonly SearchParamType[] = ['reference', 'composite', 'special'];

/** Each reads one parameter and gives the value that is really applied, when that is not the one given. */
const READERS: Readonly<Record<string, Reader>> = {
  _sort: readSort,
  _count: readCount,
  _total: (controls, raw) => {
    controls.total = oneOf('_total', raw, ['none', 'estimate', 'accurate']);
    return undefined;
  },
  _summary: (controls, raw) => {
    controls.summary = oneOf('_summary', raw, ['true', 'text', 'data', 'count', 'false']);
    return undefined;
  },
  _elements: readElements,
  _include: readInclude,
  _revinclude: readRevInclude,
  _query: () => unsupported('_query', 'There are no named queries here.'),
  _contained: (_controls, raw) => {
    if (oneOf('_contained', raw, ['false', 'true', 'both']) === 'false') return undefined;
    return unsupported('_contained', 'Contained resources are not searched by themselves.');
  },
  [PAGE_PARAMETER]: (controls, raw) => {
    controls.page = raw;
    return undefined;
  },
};

/** Those that may be given more than once. */
const REPEATABLE = ['_sort', '_include', '_revinclude'];

export function isControl(name: string): boolean {
  return Object.hasOwn(READERS, name);
}

/**
 * Takes one such parameter into `controls`; gives the value that is really applied (a `_count` may be capped).
 * @throws FicusError `parameter-invalid` or `search-unsupported`: a wrong one is an error in lenient handling, too.
 */
export function readControl(
  controls: Controls,
  type: string,
  pair: {
    readonly name: string;
    readonly modifier?: string;
    readonly raw: string;
    readonly repeated: boolean;
  },
  options: ParseOptions,
): string {
  const { name, modifier, raw, repeated } = pair;
  if (modifier !== undefined) {
    unsupported(`${name}:${modifier}`, `The modifier :${modifier} is not supported on ${name}.`);
  }
  if (repeated && !REPEATABLE.includes(name)) throw invalid(name, 'It may be given once only.');
  return READERS[name]?.(controls, raw, type, options) ?? raw;
}

/** What only all of them together can get wrong. */
export function checkControls(controls: Controls): void {
  if (controls.summary !== 'text') return;
  if (controls.include.length > 0) throw invalid('_summary', 'text cannot be combined with _include.');
  if (controls.revinclude) throw invalid('_summary', 'text cannot be combined with _revinclude.');
}

function readSort(controls: Controls, raw: string, type: string, { rules }: ParseOptions): undefined {
  for (const rule of raw.split(',')) {
    const descending = rule.startsWith('-');
    const name = descending ? rule.slice(1) : rule;
    const definition = searchParameter(type, name);
    if (!definition || !rules.parameter(type, name)) {
      throw invalid('_sort', `It names something that is no search parameter of ${type} here.`);
    }
    if (UNSORTABLE.includes(definition.type)) {
      unsupported('_sort', `Results cannot be sorted by ${name}.`);
    }
    controls.sort.push({ name, descending });
  }
}

function readCount(controls: Controls, raw: string, _type: string, { maxCount }: ParseOptions): string {
  if (!/^\d{1,9}$/.test(raw)) throw invalid('_count', 'It is a whole number, 0 or more.');
  controls.count = Math.min(Number(raw), maxCount);
  return String(controls.count);
}

function readElements(controls: Controls, raw: string, type: string): undefined {
  const definition = typeDef(type);
  const names = raw.split(',');
  for (const name of names) {
    if (!definition?.elements.has(name) && !definition?.properties.has(name)) {
      throw invalid('_elements', `It names something that is no element of ${type}.`);
    }
  }
  controls.elements = names;
}

/** FHIR R4 search.html#revinclude */
function readRevInclude(controls: Controls, raw: string, type: string, { rules }: ParseOptions): undefined {
  if (!rules.reverse) unsupported('_revinclude', 'Resources that refer to the matches cannot be included.');
  const [source = '', param, target, ...more] = raw.split(':');
  if (source === '*' || param === '*')
    unsupported('_revinclude', 'Each inclusion has to be named; * is not supported.');
  if (param === undefined || target === '' || more.length > 0) {
    throw invalid('_revinclude', 'It is written Source:parameter or Source:parameter:Target.');
  }
  const definition = searchParameter(source, param);
  if (definition?.type !== 'reference' || !rules.serves(source) || !rules.reverse?.(source, param)) {
    unsupported(
      '_revinclude',
      'This inclusion is not offered; the CapabilityStatement lists those that are.',
    );
  }
  if (
    (target !== undefined && target !== type) ||
    (definition?.targets && !definition.targets.includes(type))
  ) {
    throw invalid('_revinclude', `It does not refer to the type that is searched, ${type}.`);
  }
  (controls.revinclude ??= []).push({ source, param, ...(target === undefined ? {} : { target }) });
}

function readInclude(controls: Controls, raw: string, type: string, { rules }: ParseOptions): undefined {
  const [source = '', param, target, ...more] = raw.split(':');
  if (source === '*' || param === '*')
    unsupported('_include', 'Each inclusion has to be named; * is not supported.');
  if (param === undefined || target === '' || more.length > 0) {
    throw invalid('_include', 'It is written Source:parameter or Source:parameter:Target.');
  }
  if (source !== type) throw invalid('_include', `Its source is the type that is searched, ${type}.`);
  const definition = searchParameter(source, param);
  if (definition?.type !== 'reference' || !rules.include(source, param)) {
    unsupported('_include', 'This inclusion is not offered; the CapabilityStatement lists those that are.');
  }
  if (target !== undefined && definition?.targets && !definition.targets.includes(target)) {
    throw invalid('_include', `${param} cannot refer to the type it names.`);
  }
  controls.include.push({ source, param, ...(target === undefined ? {} : { target }) });
}

function oneOf<const T extends string>(name: string, raw: string, values: readonly T[]): T {
  const found = values.find((value) => value === raw);
  if (found === undefined) throw invalid(name, `It is one of ${values.join(', ')}.`);
  return found;
}

function unsupported(name: string, why: string): never {
  throw new FicusError('search-unsupported', why, { expression: [name] });
}
