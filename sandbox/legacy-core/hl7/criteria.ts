import { findAuthority, readIdentifier } from '../state/authorities.ts';
import { IDENTIFIERS, fieldOf, type Patient } from '../state/patients.ts';
import { plain, type Field, type Repetition, type Segment } from './message.ts';
import { Refusal, refuse } from './reply.ts';

type Predicate = (patient: Patient) => boolean;
type Test = (text: string) => boolean;

interface Asked {
  readonly value: string;
  /** Repetition in QPD-3, for ERR-2. */
  readonly repetition: number;
}

/**
 * QPD-3 of IHE PDQ (ITI-21): `@PID.field[.component[.sub]]^value`, all of which must hold. Words compare without regard
 * to case and accents; `*` stands for anything. The parameters on PID-3 speak about one and the same identifier.
 */
export function parseCriteria(qpd: Segment): Predicate {
  const asked = new Map<string, Asked>();
  fieldOf(qpd, 3).forEach((repetition, index) => {
    const name = plain(repetition[0]?.[0]);
    const value = repetition.slice(1).map((component) => component.map(plain));
    addAsked(asked, name, value, index + 1);
  });
  if (asked.size === 0) refuse('101', 'QPD^1^3', 'A query needs at least one parameter');
  const identifier = identifierPredicate(asked);
  const others = [...asked]
    .filter(([name]) => !name.startsWith('3.'))
    .map(([name, ask]) => predicateFor(name, ask));
  return (patient) => identifier(patient) && others.every((predicate) => predicate(patient));
}

function addAsked(
  asked: Map<string, Asked>,
  name: string,
  value: readonly (readonly string[])[],
  at: number,
): void {
  const match = /^@PID\.(\d+(?:\.\d+){0,2})$/.exec(name);
  if (!match?.[1])
    throw new Refusal('E', [{ code: '103', location: `QPD^1^3^${at}^1`, text: 'Unknown parameter' }]);
  if (match[1] === '3') {
    // The whole CX as the value: components arrive as sub-components (QIP.2 is a string).
    const cx = value[0] ?? [];
    asked.set('3.1', { value: cx[0] ?? '', repetition: at });
    if (cx[3]) asked.set('3.4', { value: cx[3], repetition: at });
    return;
  }
  asked.set(match[1], { value: value[0]?.[0] ?? '', repetition: at });
}

function identifierPredicate(asked: ReadonlyMap<string, Asked>): Predicate {
  const number = asked.get('3.1');
  const authority = asked.get('3.4') ?? asked.get('3.4.1') ?? asked.get('3.4.2');
  if (number && !authority) {
    refuse('101', `QPD^1^3^${number.repetition}`, '@PID.3.1 needs its assigning authority, @PID.3.4');
  }
  const names = ['3.4', '3.4.1', '3.4.2'].flatMap((name) => asked.get(name) ?? []);
  const wanted = names.map((ask) => {
    const known = findAuthority(ask.value);
    return known?.name ?? refuse('204', `QPD^1^3^${ask.repetition}^2`, 'Unknown assigning authority');
  });
  const type = asked.get('3.5')?.value;
  if (!number && wanted.length === 0 && type === undefined) return () => true;
  return (patient) =>
    fieldOf(patient.pid, IDENTIFIERS)
      .map(readIdentifier)
      .some(
        (id) =>
          (!number || id.value === number.value) &&
          wanted.every((name) => name === id.authority) &&
          (type === undefined || type === id.type),
      );
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

function predicateFor(name: string, asked: Asked): Predicate {
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  if (!target) {
    throw new Refusal('E', [
      { code: '103', location: `QPD^1^3^${asked.repetition}^1`, text: 'Unknown parameter' },
    ]);
  }
  if (asked.value === '') refuse('101', `QPD^1^3^${asked.repetition}^2`, 'The parameter has no value');
  const test = target.test(asked.value);
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
