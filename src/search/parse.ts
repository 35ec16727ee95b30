import { FicusError, type Issue } from '../errors.ts';
import { isResourceType } from '../fhir/elements.ts';
import { searchParameter, type SearchParameterDef } from '../fhir/search-parameters.ts';
import type { SearchFilter, SearchQuery, SearchValue } from '../fhir/search-query.ts';
import { checkControls, isControl, PAGE_PARAMETER, readControl, type Controls } from './controls.ts';
import { MODIFIERS } from './match.ts';
import { evaluable } from './parameter.ts';
import { CONTINUATIONS, type ParseOptions } from './rules.ts';
import { invalid, parseValue, splitEscaped, type RawValue } from './values.ts';

/** Belongs to every interaction, not to the search. */
const GENERAL = ['_format', '_pretty'];
const MAX_VALUES = 200;
const MAX_PARAMETERS = 60;
const MAX_INCLUSIONS = 10;
/** All names and values together, in characters; of an address `http.connections.urlBytes` may be less. */
const MAX_LENGTH = 32_768;
const MAX_CHAIN = 3;
const HAS = '_has:';
const NO_SYSTEM: readonly string[] = ['ContactPoint', 'boolean', 'uri', 'url', 'id'];

/**
 * Reads the parameters of a search on `type`.
 * @param pairs name and value, percent-decoded, in the order given.
 * @throws FicusError `parameter-unknown` (strict), `parameter-invalid`, `search-unsupported` (a modifier, chain or
 * result parameter that is not supported is refused in lenient handling, too), `too-costly` (more than 60 parameters,
 * 200 values, 10 inclusions or 32,768 characters). FHIR R4 search.html
 */
export function parseSearch(
  type: string,
  pairs: readonly (readonly [name: string, value: string])[],
  options: ParseOptions,
): SearchQuery {
  checkSize(pairs);
  const controls: Controls = { sort: [], include: [] };
  const filters: SearchFilter[] = [];
  const applied: [string, string][] = [];
  const ignored: Issue[] = [];
  const seen = new Set<string>();
  for (const [name, raw] of pairs) {
    const { base, modifier } = splitName(name);
    if (GENERAL.includes(base)) continue;
    if (raw === '' && base !== PAGE_PARAMETER) {
      if (options.handling === 'strict') throw invalid(name, 'It has no value.');
      ignored.push(ignoring(name, 'It has no value and was ignored.'));
      continue;
    }
    if (isControl(base)) {
      const pair = {
        name: base,
        raw,
        repeated: seen.has(base),
        ...(modifier === undefined ? {} : { modifier }),
      };
      const value = readControl(controls, type, pair, options);
      if (base !== PAGE_PARAMETER) applied.push([base, value]);
      seen.add(base);
      continue;
    }
    if ((options.continuations ?? CONTINUATIONS).includes(name)) {
      controls.page = raw;
      applied.push([name, raw]);
      continue;
    }
    const filter = parseFilter(type, name, raw, options, 0);
    if (filter) {
      filters.push(filter);
      applied.push([name, raw]);
    } else ignored.push(ignoring(name, 'It is not supported and was ignored.'));
  }
  if (options.handling === 'strict' && ignored.length > 0) throw unknown(ignored);
  checkControls(controls);
  checkCount(filters);
  const inclusions = controls.include.length + (controls.revinclude?.length ?? 0);
  if (inclusions > MAX_INCLUSIONS) throw tooCostly('inclusions', MAX_INCLUSIONS, inclusions);
  return { ...controls, type, filters, applied, ignored };
}

/** undefined: no such parameter is promised. */
function parseFilter(
  type: string,
  name: string,
  raw: string,
  options: ParseOptions,
  depth: number,
): SearchFilter | undefined {
  if (name.startsWith(HAS)) return parseHas(type, name, raw, options, depth);
  const dot = name.indexOf('.');
  const { base, modifier } = splitName(dot < 0 ? name : name.slice(0, dot));
  const promised = options.rules.parameter(type, base);
  const definition = searchParameter(type, base);
  if (!promised || !definition) return undefined;
  if (dot >= 0) return parseChain(definition, modifier, name.slice(dot + 1), raw, options, depth);
  const modifierType =
    definition.type === 'reference' && modifier !== undefined && isResourceType(modifier)
      ? modifier
      : undefined;
  if (modifierType === undefined) checkModifier(definition, modifier, promised.modifiers);
  else if (definition.targets && !definition.targets.includes(modifierType))
    throw unsupportedModifier(base, modifierType);
  const kept = modifierType === undefined && modifier !== undefined ? { modifier } : {};
  const syntax = { name, type: definition.type, ...kept, ...syntaxOf(definition, modifierType, options) };
  const raws = kept.modifier === 'missing' ? [raw] : splitEscaped(raw, ',');
  const values = raws.map((value) => parseChecked(definition, { ...syntax, raw: value }));
  return { name: base, type: definition.type, ...kept, values };
}

function parseChain(
  definition: SearchParameterDef,
  modifier: string | undefined,
  rest: string,
  raw: string,
  options: ParseOptions,
  depth: number,
): SearchFilter {
  const { code, type } = definition;
  const refuse = (why: string) =>
    new FicusError('search-unsupported', `${code}.${rest}: ${why}`, { expression: [`${code}.${rest}`] });
  if (type !== 'reference') throw refuse(`${code} is no reference, it cannot be chained.`);
  if (modifier !== undefined && !isResourceType(modifier)) throw unsupportedModifier(code, modifier);
  if (depth + 1 >= MAX_CHAIN) throw refuse('The chain is too long.');
  const { base: next } = splitName(rest.split('.', 1)[0] ?? '');
  const allowed =
    modifier === undefined
      ? definition.targets
      : [modifier].filter((it) => definition.targets?.includes(it) ?? true);
  const { rules } = options;
  const served = (allowed ?? []).filter((it) => rules.serves(it) && searchParameter(it, next));
  const targetType = served.find((it) => rules.parameter(it, next));
  if (targetType === undefined) throw refuse('Nothing it can refer to offers that parameter here.');
  // Those of a type that does not offer it would be missing, and nobody would know.
  if (served.length > 1)
    throw refuse(`It can refer to several types: name one, as in ${code}:${targetType}.${rest}.`);
  const filter = parseFilter(targetType, rest, raw, options, depth + 1);
  if (!filter) throw refuse('Nothing it can refer to offers that parameter here.');
  return { name: code, type: 'reference', chain: { targetType, filter }, values: filter.values };
}

/** `_has:Observation:patient:code`; undefined: no such reference is offered in reverse. */
function parseHas(
  type: string,
  name: string,
  raw: string,
  options: ParseOptions,
  depth: number,
): SearchFilter | undefined {
  const [source = '', param = '', ...rest] = name.slice(HAS.length).split(':');
  const definition = searchParameter(source, param);
  const { rules } = options;
  if (definition?.type !== 'reference' || !rules.serves(source) || !rules.reverse?.(source, param))
    return undefined;
  const refuse = (why: string) =>
    new FicusError('search-unsupported', `_has: ${why}`, { expression: [name.slice(0, 100)] });
  if (definition.targets && !definition.targets.includes(type))
    throw refuse(`${source}:${param} cannot refer to ${type}.`);
  if (depth + 1 >= MAX_CHAIN) throw refuse('The chain is too long.');
  const filter = parseFilter(source, rest.join(':'), raw, options, depth + 1);
  if (!filter) throw refuse(`${source} does not offer the parameter that is named there.`);
  return { name: '_has', type: 'special', has: { source, param, filter }, values: filter.values };
}

function checkModifier(
  definition: SearchParameterDef,
  modifier: string | undefined,
  promised: readonly string[],
): void {
  if (modifier === undefined) return;
  const { type, code } = definition;
  const known = modifier === 'missing' ? type !== 'composite' : MODIFIERS[type].includes(modifier);
  if (!known || !promised.includes(modifier)) throw unsupportedModifier(code, modifier);
}

function syntaxOf(
  definition: SearchParameterDef,
  modifierType: string | undefined,
  { base }: ParseOptions,
): Pick<RawValue, 'pipe' | 'reference'> {
  if (definition.type === 'token') {
    const types = evaluable(definition.base, definition.code)?.extract.types ?? [];
    return types.length > 0 && types.every((it) => NO_SYSTEM.includes(it)) ? { pipe: false } : {};
  }
  if (definition.type !== 'reference') return {};
  const { targets } = definition;
  return {
    reference: {
      ...(targets ? { targets } : {}),
      ...(modifierType === undefined ? {} : { modifierType }),
      ...(base === undefined ? {} : { base }),
    },
  };
}

/** A value by its syntax, and by what its elements can hold. */
function parseChecked(definition: SearchParameterDef, raw: RawValue): SearchValue {
  const value = parseValue(raw);
  if (raw.modifier === 'missing') return value;
  const types = evaluable(definition.base, definition.code)?.extract.types ?? [];
  if (definition.type === 'token' && types.length > 0 && types.every((it) => it === 'boolean')) {
    if (value.code !== 'true' && value.code !== 'false') throw invalid(raw.name, 'It is true or false.');
  }
  if (definition.type === 'composite') checkComposite(definition, raw);
  return value;
}

function checkComposite(definition: SearchParameterDef, { name, raw }: RawValue): void {
  const components = definition.components ?? [];
  const parts = splitEscaped(raw, '$');
  if (parts.length !== components.length) {
    throw invalid(name, `It is written as ${components.length} values joined by $.`);
  }
  components.forEach(({ code }, index) => {
    const type = searchParameter(definition.base, code)?.type;
    if (type) parseValue({ name, type, raw: parts[index] ?? '' });
  });
}

function splitName(name: string): { base: string; modifier?: string } {
  const colon = name.indexOf(':');
  return colon < 0 ? { base: name } : { base: name.slice(0, colon), modifier: name.slice(colon + 1) };
}

function checkCount(filters: readonly SearchFilter[]): void {
  const values = filters.reduce((sum, filter) => sum + filter.values.length, 0);
  if (values > MAX_VALUES) {
    throw new FicusError('too-costly', `A search may name ${MAX_VALUES} values; this one names ${values}.`);
  }
}

/** Before anything is read of it. */
function checkSize(pairs: readonly (readonly [name: string, value: string])[]): void {
  if (pairs.length > MAX_PARAMETERS) throw tooCostly('parameters', MAX_PARAMETERS, pairs.length);
  const length = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (length > MAX_LENGTH) throw tooCostly('characters', MAX_LENGTH, length);
}

function tooCostly(of: string, most: number, found: number): FicusError {
  return new FicusError('too-costly', `A search may have ${most} ${of}; this one has ${found}.`);
}

function ignoring(name: string, diagnostics: string): Issue {
  return { severity: 'warning', code: 'not-supported', diagnostics, expression: [name.slice(0, 100)] };
}

function unknown(parameters: readonly Issue[]): FicusError {
  const issues = parameters.map(({ code, expression }): Issue => ({
    severity: 'error',
    code,
    diagnostics: 'This search parameter is not supported; the CapabilityStatement lists those that are.',
    ...(expression ? { expression } : {}),
  }));
  return new FicusError('parameter-unknown', 'A search parameter is not supported.', { issues });
}

function unsupportedModifier(name: string, modifier: string): FicusError {
  return new FicusError('search-unsupported', `The modifier :${modifier} is not supported on ${name}.`, {
    expression: [`${name}:${modifier}`],
  });
}
