/**
 * The old core's own way with HL7v2: plain splitting. Leaves are kept as they came, in the escaped form of the
 * standard delimiters, so that what the core stores goes out again unchanged; `plain` decodes one to compare it.
 */

/** Sub-components of a component; one entry where there are none. */
export type Component = readonly string[];
export type Repetition = readonly Component[];
/** Repetitions of a field. An empty field has none. */
export type Field = readonly Repetition[];

export interface Segment {
  readonly name: string;
  /** `fields[0]` is field 1; for MSH that is the field separator itself. */
  readonly fields: readonly Field[];
}

export interface Hl7Message {
  readonly segments: readonly Segment[];
  readonly msh: Segment;
}

interface Delimiters {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
}

const STANDARD: Delimiters = { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };

/** The message cannot be taken apart at all. */
export class UnreadableMessage extends Error {}

/**
 * Takes a message apart (HL7 v2.5.1 §2.5). Segments end with CR; LF and CRLF are tolerated, as the old core always did.
 */
export function parseHl7(text: string): Hl7Message {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line !== '');
  const first = lines[0];
  if (first === undefined || !first.startsWith('MSH') || first.length < 8) {
    throw new UnreadableMessage('The message does not start with an MSH segment');
  }
  const delimiters = readDelimiters(first);
  const segments = lines.map((line) => parseSegment(line, delimiters));
  const msh = segments[0];
  if (!msh) throw new UnreadableMessage('The message has no MSH segment');
  return { segments, msh };
}

/** One segment written with the standard delimiters, as in the seed files. */
export function parseSegment(line: string, delimiters: Delimiters = STANDARD): Segment {
  const parts = line.split(delimiters.field);
  const name = parts[0] ?? '';
  if (!/^[A-Z][A-Z0-9]{2}$/.test(name)) throw new UnreadableMessage('A segment has no proper name');
  const fields = parts.slice(1).map((part) => parseField(part, delimiters));
  if (name !== 'MSH') return { name, fields };
  const encoding = parts[1] ?? '';
  return { name, fields: [[[[delimiters.field]]], [[[encoding]]], ...fields.slice(1)] };
}

function readDelimiters(msh: string): Delimiters {
  const [component, repetition, escape, subcomponent] = msh.slice(4).split(msh[3] ?? '|')[0] ?? '';
  const field = msh[3];
  if (!field || !component || !repetition || !escape || !subcomponent) {
    throw new UnreadableMessage('MSH-1 and MSH-2 do not name the delimiters');
  }
  return { field, component, repetition, escape, subcomponent };
}

function parseField(text: string, delimiters: Delimiters): Field {
  if (text === '') return [];
  return text
    .split(delimiters.repetition)
    .map((repetition) =>
      repetition
        .split(delimiters.component)
        .map((component) =>
          component.split(delimiters.subcomponent).map((leaf) => standardLeaf(leaf, delimiters)),
        ),
    );
}

function standardLeaf(leaf: string, delimiters: Delimiters): string {
  return sameDelimiters(delimiters) ? leaf : escapeText(unescapeLeaf(leaf, delimiters));
}

function sameDelimiters(other: Delimiters): boolean {
  return (Object.keys(STANDARD) as (keyof Delimiters)[]).every((name) => STANDARD[name] === other[name]);
}

/** The text a leaf stands for (HL7 v2.5.1 §2.7). Formatting and unknown escapes are left as they are. */
export function plain(leaf: string | undefined): string {
  return leaf === undefined ? '' : unescapeLeaf(leaf, STANDARD);
}

function unescapeLeaf(leaf: string, delimiters: Delimiters): string {
  if (!leaf.includes(delimiters.escape)) return leaf;
  const parts = leaf.split(delimiters.escape);
  let text = parts[0] ?? '';
  for (let i = 1; i < parts.length; i += 2) {
    const code = parts[i] ?? '';
    const closed = i + 1 < parts.length;
    const value = closed ? escapeValue(code, delimiters) : undefined;
    text += value ?? delimiters.escape + code + (closed ? delimiters.escape : '');
    text += parts[i + 1] ?? '';
  }
  return text;
}

function escapeValue(code: string, delimiters: Delimiters): string | undefined {
  switch (code) {
    case 'F':
      return delimiters.field;
    case 'S':
      return delimiters.component;
    case 'T':
      return delimiters.subcomponent;
    case 'R':
      return delimiters.repetition;
    case 'E':
      return delimiters.escape;
    default:
      return /^X([0-9A-Fa-f]{2})+$/.test(code)
        ? Buffer.from(code.slice(1), 'hex').toString('latin1')
        : undefined;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\E\\',
  '|': '\\F\\',
  '^': '\\S\\',
  '&': '\\T\\',
  '~': '\\R\\',
  '\r': '\\X0D\\',
  '\n': '\\X0A\\',
};

/** Text as a leaf: no value can become a delimiter or a segment. */
export function escapeText(text: string): string {
  return text.replace(/[\\|^&~\r\n]/g, (character) => ESCAPES[character] ?? character);
}

/** A leaf in its escaped form; undefined where the message does not go that far. Positions are 1-based. */
export function leaf(
  segment: Segment | undefined,
  field: number,
  component = 1,
  sub = 1,
): string | undefined {
  return segment?.fields[field - 1]?.[0]?.[component - 1]?.[sub - 1];
}

/** The decoded value of a leaf of the first repetition; '' where there is none. */
export function value(segment: Segment | undefined, field: number, component = 1, sub = 1): string {
  return plain(leaf(segment, field, component, sub));
}

export function segmentsNamed(message: Hl7Message, name: string): Segment[] {
  return message.segments.filter((segment) => segment.name === name);
}

export function firstSegment(message: Hl7Message, name: string): Segment | undefined {
  return message.segments.find((segment) => segment.name === name);
}

export function writeRepetition(repetition: Repetition): string {
  return repetition.map((component) => component.join('&')).join('^');
}

export function writeField(field: Field): string {
  return field.map(writeRepetition).join('~');
}

/** A segment with the standard delimiters, trailing empty fields cut. Not for MSH. */
export function writeSegment(segment: Segment): string {
  return [segment.name, ...segment.fields.map(writeField)].join('|').replace(/\|+$/, '');
}
