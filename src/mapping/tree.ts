/**
 * One step down a legacy tree: a field, component or subcomponent number (1-based), a segment or group name, the local
 * name of an XML element, or `@name` for an attribute.
 */
export type Step = number | string;

/**
 * What a place says: text; `''` present but empty; `null` told to be deleted (HL7 `""`); `undefined` not there.
 * HL7 v2.5.1 §2.5.3.
 */
export type TreeText = string | null | undefined;

/**
 * A place in a legacy tree, readable. Segments, fields, components and XML elements all look like this to the mapping
 * engine. A place that does not exist is a TreeReader too: it reads as `undefined`, all the way down.
 *
 * In HL7 a place without parts is its own first part: `child(1)` of a simple component is that component
 * (HL7 v2.5.1 §2.5.4), and `text()` of a place with parts is the text of its first part
 * (`''` where that is missing).
 */
export interface TreeReader {
  text(): TreeText;
  /** Repetitions of a child, 0 when it is not there. */
  count(step: Step): number;
  /**
   * As `count`, without what a group of segments finds in the groups around it: the notes of an order are not those of
   * each result. Places that look nowhere else leave it out.
   */
  own?(step: Step): number;
  /** A child, by default its first repetition; `index` counts from 0. */
  child(step: Step, index?: number): TreeReader;
  /** The children that hold something, in tree order; none for a place that is only text. */
  steps(): readonly Step[];
  /**
   * Which numbered parts hold something, told at once: bit n for part n, bit 31 for all from 31 on. Makes reading what
   * is not there cheap; places whose parts have names, or are many, leave it out.
   */
  filledParts?(): number;
  /** The same for one part (all its repetitions) of a place that has many; then `filledParts` is left out. */
  holds?(part: number): boolean;
  /**
   * Words that two places of messages with the same delimiters and character set have in common only where all that is
   * here and below reads the same; undefined: not to be told, or too long to be worth it. Places that cannot tell leave
   * it out.
   */
  words?(): string | undefined;
  /** Whether any text that is not empty (or a deletion) is here or below. */
  filled(): boolean;
  /** The place in the protocol's own words, for reports: `PID-5[2].1`, `Patient/Name[2]/Given`. */
  location(): string;
}

/** The same place, writable. Writing below a place that does not exist makes it. */
export interface TreeWriter extends TreeReader {
  child(step: Step, index?: number): TreeWriter;
  /** Makes this place plain text; whatever was below goes. */
  set(text: string): void;
  /**
   * Says that what was here is gone, as the protocol says it: `""` for an HL7 field, nothing for a component (a field's
   * components are replaced together, HL7 v2.5.1 §2.10.4), no element in XML. Does nothing where nothing is.
   */
  clear(): void;
  /**
   * Re-orders the repetitions of a child: entry `i` of `sources` names the present repetition that becomes repetition
   * `i`, byte for byte, or `undefined` for a new, empty one. Repetitions not named go.
   */
  arrange(step: Step, sources: readonly (number | undefined)[]): void;
  /**
   * Puts the children in this order, those not named last: an XML Schema sequence. HL7 numbers its parts and does
   * nothing.
   */
  order(steps: readonly Step[]): void;
}

/** Repetitions of a child at this very place: a group that has none does not answer for the groups around it. */
export function ownCount(place: TreeReader, step: Step): number {
  return place.own?.(step) ?? place.count(step);
}

/** Whether a text says something: not absent, not empty, not a deletion. */
export function valued(text: TreeText): text is string {
  return text !== undefined && text !== null && text !== '';
}
