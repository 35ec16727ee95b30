import { FicusError } from '../../src/errors.ts';
import type { Step, TreeText, TreeWriter } from '../../src/mapping/tree.ts';
import type { NestedComponent, NestedRepetition } from './nested.ts';
import { partsWithText } from './parts-with-text.ts';
import type { Segment } from './segment.ts';

/** A segment as a place of the tree that maps write: there, or to be made when something is written to it. */
export class SegmentPlace implements TreeWriter {
  private present: Segment | undefined;
  private readonly name: string;
  private readonly label: () => string;
  private readonly make: () => Segment;

  constructor(name: string, segment: Segment | undefined, label: () => string, make: () => Segment) {
    this.name = name;
    this.present = segment;
    this.label = label;
    this.make = make;
  }

  segment(): Segment | undefined {
    return this.present;
  }

  /** The segment to write to, made when it is not there. */
  made(): Segment {
    this.present ??= this.make();
    return this.present;
  }

  text(): TreeText {
    return undefined;
  }

  count(step: Step): number {
    return this.present && typeof step === 'number' ? this.present.repetitions(step) : 0;
  }

  child(step: Step, index = 0): TreeWriter {
    if (typeof step !== 'number') throw new TypeError(`${this.name} has no field ${step}`);
    return new FieldPlace(this, step, index + 1, undefined, undefined);
  }

  holds(part: number): boolean {
    return this.present !== undefined && isFilled(this.present, part);
  }

  steps(): readonly Step[] {
    const segment = this.present;
    if (!segment) return [];
    const header = /^(MSH|FHS|BHS)$/.test(this.name) ? 2 : 0;
    const filled: number[] = [];
    for (let field = header + 1; field <= segment.fieldCount; field += 1)
      if (isFilled(segment, field)) filled.push(field);
    return filled;
  }

  filled(): boolean {
    return this.present !== undefined;
  }

  location(): string {
    return this.label();
  }

  set(): void {
    throw new TypeError('a segment has no text');
  }

  clear(): void {}

  arrange(step: Step, sources: readonly (number | undefined)[]): void {
    if (typeof step === 'number') arrangeField(this, step, sources);
  }

  order(): void {}
}

/** A repetition of a field, a component of it, or a subcomponent. */
class FieldPlace implements TreeWriter {
  private readonly above: SegmentPlace;
  private readonly field: number;
  private readonly repetition: number;
  private readonly component: number | undefined;
  private readonly subcomponent: number | undefined;

  constructor(
    above: SegmentPlace,
    field: number,
    repetition: number,
    component: number | undefined,
    subcomponent: number | undefined,
  ) {
    this.above = above;
    this.field = field;
    this.repetition = repetition;
    this.component = component;
    this.subcomponent = subcomponent;
  }

  text(): TreeText {
    return this.above
      .segment()
      ?.value(this.field, this.repetition, this.component ?? 1, this.subcomponent ?? 1);
  }

  count(step: Step): number {
    if (typeof step !== 'number') return 0;
    const parts = this.parts();
    return step <= parts ? 1 : 0;
  }

  /** Components or subcomponents below. */
  private parts(): number {
    const segment = this.above.segment();
    if (!segment) return 0;
    if (this.component === undefined) return segment.components(this.field, this.repetition);
    if (this.subcomponent === undefined)
      return segment.subcomponents(this.field, this.repetition, this.component);
    return 1;
  }

  child(step: Step, index = 0): TreeWriter {
    if (typeof step !== 'number' || index > 0)
      throw new TypeError('parts of a field are numbers and do not repeat');
    const { above, field, repetition, component, subcomponent } = this;
    if (component === undefined) return new FieldPlace(above, field, repetition, step, undefined);
    if (subcomponent === undefined) return new FieldPlace(above, field, repetition, component, step);
    // Below a subcomponent nothing is: its first part is itself, others do not exist.
    return step === 1 ? this : NOWHERE;
  }

  filledParts(): number {
    const segment = this.above.segment();
    const text = segment?.written(this.field, this.repetition, this.component, this.subcomponent);
    return text ? partsWithText(text, segment!.context.delimiters.codes, this.component !== undefined) : 0;
  }

  steps(): readonly Step[] {
    const parts = this.parts();
    if (parts <= 1) return this.component === undefined && this.child(1).count(2) > 0 ? [1] : [];
    const filled: number[] = [];
    for (let part = 1; part <= parts; part += 1) if (this.child(part).filled()) filled.push(part);
    return filled;
  }

  filled(): boolean {
    const segment = this.above.segment();
    return (
      segment !== undefined &&
      isFilled(segment, this.field, this.repetition, this.component, this.subcomponent)
    );
  }

  location(): string {
    const repetition = this.repetition === 1 ? '' : `[${this.repetition}]`;
    const parts = [this.component, this.subcomponent]
      .map((part) => (part === undefined ? '' : `.${part}`))
      .join('');
    return `${this.above.location()}-${this.field}${repetition}${parts}`;
  }

  set(text: string): void {
    const segment = this.above.made();
    const { field, repetition, component, subcomponent } = this;
    if (this.parts() <= 1 && this.steps().length === 0)
      segment.set(text, field, repetition, component ?? 1, subcomponent ?? 1);
    else segment.replace(text, field, repetition, component);
  }

  clear(): void {
    const segment = this.above.segment();
    const { field, repetition, component, subcomponent } = this;
    if (!segment || (segment.written(field, repetition, component, subcomponent) ?? '') === '') return;
    if (subcomponent !== undefined) segment.set('', field, repetition, component, subcomponent);
    else if (component !== undefined) segment.replace('', field, repetition, component);
    else if (segment.repetitions(field) > 1) segment.replace('', field, repetition);
    else segment.replace(null, field);
  }

  arrange(): void {
    throw new TypeError('components do not repeat');
  }

  order(): void {}
}

/** A place below a subcomponent. */
const NOWHERE: TreeWriter = {
  text: () => undefined,
  count: () => 0,
  child: () => NOWHERE,
  steps: () => [],
  filled: () => false,
  location: () => '',
  set: () => {
    throw new TypeError('HL7v2 has no parts below subcomponents');
  },
  clear: () => {},
  arrange: () => {},
  order: () => {},
};

/** Whether a level holds more than separators. */
function isFilled(
  segment: Segment,
  field: number,
  repetition?: number,
  component?: number,
  subcomponent?: number,
): boolean {
  const first = segment.value(field, repetition ?? 1, component ?? 1, subcomponent ?? 1);
  if (first === undefined && (repetition ?? 1) === 1) return false;
  if (first !== '' && first !== undefined) return true;
  if (subcomponent !== undefined) return false;
  const text = segment.written(field, repetition, component);
  if (text === undefined || text === '') return false;
  const { codes } = segment.context.delimiters;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== codes.component && code !== codes.subcomponent && code !== codes.repetition) return true;
  }
  return false;
}

function arrangeField(place: SegmentPlace, field: number, sources: readonly (number | undefined)[]): void {
  const segment = place.made();
  const count = segment.repetitions(field);
  if (
    sources.length >= count &&
    sources.every((source, at) => (at < count ? source === at : source === undefined))
  )
    return;
  const written = sources.map((source) =>
    source === undefined ? '' : (segment.written(field, source + 1) ?? ''),
  );
  const repetitions = sources.map((source) =>
    source === undefined ? '' : nestedOf(segment, field, source + 1),
  );
  segment.replace({ repetitions: repetitions.length === 0 ? [''] : repetitions }, field);
  for (const [at, text] of written.entries()) {
    if ((segment.written(field, at + 1) ?? '') === text) continue;
    throw new FicusError(
      'unmappable',
      `A repetition of ${place.location()}-${field} holds an escape sequence that cannot be moved.`,
    );
  }
}

/** A repetition as it is said, separators and all. */
function nestedOf(segment: Segment, field: number, repetition: number): NestedRepetition {
  return Array.from({ length: segment.components(field, repetition) }, (_, component): NestedComponent =>
    Array.from({ length: segment.subcomponents(field, repetition, component + 1) }, (_unused, subcomponent) =>
      segment.value(field, repetition, component + 1, subcomponent + 1),
    ),
  );
}
