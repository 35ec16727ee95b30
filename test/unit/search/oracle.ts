import type { Resource } from '../../../src/fhir/types.ts';

/**
 * What a search means, said a second time and without the code under test, for a vocabulary that needs no more than this:
 * words of plain letters, full dates, whole tokens.
 */
export interface Person {
  readonly id: string;
  readonly family?: string;
  readonly given: readonly string[];
  readonly gender?: string;
  readonly birthDate?: string;
  readonly identifiers: readonly { readonly system?: string; readonly value: string }[];
  readonly active?: boolean;
}

export interface Criterion {
  readonly name: 'family' | 'given' | 'gender' | 'birthdate' | 'identifier' | 'active' | '_id';
  readonly modifier: string;
  /** As written, without prefix. */
  readonly values: readonly { readonly prefix: string; readonly text: string }[];
}

export function patient(person: Person): Resource {
  const { id, family, given, gender, birthDate, identifiers, active } = person;
  const name = {
    ...(family === undefined ? {} : { family }),
    ...(given.length > 0 ? { given: [...given] } : {}),
  };
  return {
    resourceType: 'Patient',
    id,
    ...(Object.keys(name).length > 0 ? { name: [name] } : {}),
    ...(gender === undefined ? {} : { gender }),
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(identifiers.length > 0 ? { identifier: identifiers.map((it) => ({ ...it })) } : {}),
    ...(active === undefined ? {} : { active }),
  };
}

export function written({ name, modifier, values }: Criterion): string {
  const suffix = modifier === '' ? '' : `:${modifier}`;
  return `${name}${suffix}=${values.map(({ prefix, text }) => prefix + text).join(',')}`;
}

export function meets(person: Person, criterion: Criterion): boolean {
  const { name, modifier, values } = criterion;
  const found = valuesOf(person, name);
  if (modifier === 'missing') return (found.length === 0) === (values[0]?.text === 'true');
  const some = found.some((it) => values.some((value) => relates(it, criterion, value)));
  return modifier === 'not' ? !some : some;
}

function valuesOf(person: Person, name: Criterion['name']): readonly string[] {
  const { id, family, given, gender, birthDate, identifiers, active } = person;
  const all: Record<Criterion['name'], readonly (string | undefined)[]> = {
    _id: [id],
    family: [family],
    given,
    gender: [gender],
    birthdate: [birthDate],
    identifier: identifiers.map(({ system = '', value }) => `${system}|${value}`),
    active: [active === undefined ? undefined : String(active)],
  };
  return all[name].filter((value) => value !== undefined);
}

function relates(
  found: string,
  { name, modifier }: Criterion,
  { prefix, text }: { prefix: string; text: string },
): boolean {
  if (name === 'family' || name === 'given') {
    if (modifier === 'exact') return found === text;
    const [low, wanted] = [found.toLowerCase(), text.toLowerCase()];
    return modifier === 'contains' ? low.includes(wanted) : low.startsWith(wanted);
  }
  if (name === 'birthdate') {
    const before = found < text;
    const same = found === text;
    const after = found > text;
    const said = {
      eq: same,
      ne: !same,
      gt: after,
      sa: after,
      lt: before,
      eb: before,
      ge: !before,
      le: !after,
    };
    return said[(prefix || 'eq') as keyof typeof said];
  }
  if (name === 'identifier') {
    const [system = '', value = ''] = found.split('|');
    const [wanted, code] = text.includes('|') ? text.split('|') : [undefined, text];
    return (wanted === undefined || wanted === system) && (code === '' || code === value);
  }
  return found === text;
}
