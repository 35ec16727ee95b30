import { findAuthority, readIdentifier } from '../state/authorities.ts';
import { IDENTIFIERS, fieldOf, type Patient } from '../state/patients.ts';
import { plain, type Field, type Repetition, type Segment } from './message.ts';
import { Refusal, refuse } from './reply.ts';

type Predicate = (patient: Patient) => boolean;
type Test = (text: string) => boolean;

interface Asked {
  /** `5.1`: what follows `@PID.`. */
  readonly name: string;
  readonly value: string;
  /** Repetition in QPD-3, for ERR-2. */
  readonly repetition: number;
}

export interface Criteria {
  readonly matches: Predicate;
  /** The one identifier that must be there, where the query names one: it can be looked up. */
  readonly identifier: { readonly value: string; readonly authority: string } | undefined;
}

/**
 * QPD-3 of IHE PDQ (ITI-21): `@PID.field[.component[.sub]]^value`, all of which must hold. Words compare without regard
 * to case and accents; `*` stands for anything. The parameters on PID-3 speak about one and the same identifier.
 */
export function parseCriteria(qpd: Segment): Criteria {
  const asked = fieldOf(qpd, 3).flatMap((repetition, i) => readAsked(repetition, i + 1));
  if (asked.length === 0) refuse('101', 'QPD^1^3', 'A query needs at least one parameter');
  const { matches, identifier } = identifierCriteria(asked.filter(({ name }) => name.startsWith('3.')));
  const others = asked.filter(({ name }) => !name.startsWith('3.')).map(predicateFor);
  return { matches: (patient) => matches(patient) && others.every((holds) => holds(patient)), identifier };
}

function readAsked(repetition: Repetition, at: number): Asked[] {
  const [, name] = /^@PID\.(\d+(?:\.\d+){0,2})$/.exec(plain(repetition[0]?.[0])) ?? [];
  const [first = [], ...more] = repetition.slice(1);
  if (name === undefined) unknownParameter(at);
  if (name !== '3') return [{ name, value: required(plain(first[0]), at), repetition: at }];
  // The whole CX as the value: its components come as sub-components, QIP.2 being a string.
  const cx = (more.length > 0 ? [first, ...more].map((component) => component[0]) : first).map(plain);
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['3.1', cx[0]],
    ['3.4', cx[3]],
  ];
  return parts.flatMap(([part, value]) => (value ? [{ name: part, value, repetition: at }] : []));
}

function required(value: string, at: number): string {
  return value === '' ? refuse('101', `QPD^1^3^${at}^2`, 'The parameter has no value') : value;
}

function unknownParameter(at: number): never {
  throw new Refusal('E', [{ code: '103', location: `QPD^1^3^${at}^1`, text: 'Unknown parameter' }]);
}

const AUTHORITY = ['3.4', '3.4.1', '3.4.2'];

function identifierCriteria(asked: readonly Asked[]): Criteria {
  const named = (...names: readonly string[]): readonly Asked[] =>
    asked.filter(({ name }) => names.includes(name));
  const other = asked.find(({ name }) => ![...AUTHORITY, '3.1', '3.4.3', '3.5'].includes(name));
  if (other) unknownParameter(other.repetition);
  const numbers = named('3.1');
  const [number] = numbers;
  const authorities = named(...AUTHORITY).map(
    ({ value, repetition }) =>
      findAuthority(value)?.name ?? refuse('204', `QPD^1^3^${repetition}^2`, 'Unknown assigning authority'),
  );
  const [authority] = authorities;
  if (number && authority === undefined) {
    refuse('101', `QPD^1^3^${number.repetition}`, '@PID.3.1 needs its assigning authority, @PID.3.4');
  }
  const types = named('3.5');
  if (!number && authority === undefined && types.length === 0)
    return { matches: () => true, identifier: undefined };
  const matches: Predicate = (patient) =>
    fieldOf(patient.pid, IDENTIFIERS)
      .map(readIdentifier)
      .some(
        (id) =>
          numbers.every(({ value }) => value === id.value) &&
          authorities.every((name) => name === id.authority) &&
          types.every(({ value }) => value === id.type),
      );
  const identifier = number && authority !== undefined ? { value: number.value, authority } : undefined;
  return { matches, identifier };
}

/** Where a parameter looks: which fields, and which parts of a repetition. */
interface Target {
  readonly fields: readonly number[];
  readonly parts: (repetition: Repetition) => readonly (string | undefined)[];
  readonly test: (value: string) => Test;
}

const part =
  (...components: readonly number[]) =>
  (repetition: Repetition): readonly (string | undefined)[] =>
    components.map((component) => repetition[component - 1]?.[0]);

const TARGETS: Readonly<Record<string, Target>> = {
  '5': { fields: [5], parts: part(1), test: words },
  '5.1': { fields: [5], parts: part(1), test: words },
  '5.1.1': { fields: [5], parts: part(1), test: words },
  // Second and further given names are given names too.
  '5.2': { fields: [5], parts: part(2, 3), test: words },
  '5.3': { fields: [5], parts: part(3), test: words },
  '6': { fields: [6], parts: part(1), test: words },
  '6.1': { fields: [6], parts: part(1), test: words },
  '6.1.1': { fields: [6], parts: part(1), test: words },
  '7': { fields: [7], parts: part(1), test: dates },
  '7.1': { fields: [7], parts: part(1), test: dates },
  '8': { fields: [8], parts: part(1), test: exactly },
  '11.1': { fields: [11], parts: part(1, 2), test: words },
  '11.1.1': { fields: [11], parts: part(1, 2), test: words },
  '11.3': { fields: [11], parts: part(3), test: words },
  '11.4': { fields: [11], parts: part(4), test: words },
  '11.5': { fields: [11], parts: part(5), test: words },
  '11.6': { fields: [11], parts: part(6), test: words },
  // The telephone index does not tell home from business numbers, nor how they are punctuated.
  '13.1': { fields: [13, 14], parts: part(1, 12), test: telephones },
  '13.4': { fields: [13, 14], parts: part(4), test: words },
  '14.1': { fields: [13, 14], parts: part(1, 12), test: telephones },
  '18': { fields: [18], parts: part(1), test: exactly },
  '18.1': { fields: [18], parts: part(1), test: exactly },
  '30': { fields: [30], parts: part(1), test: exactly },
};

function predicateFor({ name, value, repetition: at }: Asked): Predicate {
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  if (!target) return unknownParameter(at);
  const test = target.test(value);
  const holds = (field: Field): boolean =>
    field.some((repetition) =>
      target.parts(repetition).some((leaf) => leaf !== undefined && leaf !== '' && test(plain(leaf))),
    );
  return (patient) => target.fields.some((field) => holds(fieldOf(patient.pid, field)));
}

/** Case and accents do not count: the index was built on capitals. */
export function fold(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss').trim();
}

function words(value: string): Test {
  return wildcard(fold(value), fold);
}

/** A day as `yyyyMMdd`; the time of birth does not count; `1980*` asks for a year. */
function dates(value: string): Test {
  return wildcard(value, (text) => text.slice(0, 8));
}

function exactly(value: string): Test {
  return (text) => text === value;
}

function telephones(value: string): Test {
  return wildcard(digits(value), digits);
}

function digits(text: string): string {
  return fold(text).replaceAll(/[\s()./-]/g, '');
}

function wildcard(pattern: string, prepare: (text: string) => string): Test {
  if (!pattern.includes('*')) return (text) => prepare(text) === pattern;
  const source = pattern.split('*').map((piece) => piece.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  const expression = new RegExp(`^${source.join('.*')}$`, 'su');
  return (text) => expression.test(prepare(text));
}
