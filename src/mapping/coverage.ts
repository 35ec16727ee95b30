import type { MessageReading, MessageResource } from './read-message.ts';
import type { Loss } from './run.ts';
import type { TreeReader } from './tree.ts';

/**
 * What becomes of a field. `mapped`: it is in a resource; `partly`: a part of it has no home; `heeded`: in no resource,
 * but what is done with the message follows from it; `kept`: in no resource, kept raw with the message; `dropped`: a
 * file says why it goes nowhere; `unmapped`: no row speaks of it; `refused`: a row reads it, and it was not what its
 * type says.
 */
export type FieldFate = (typeof FATES)[number];

/** In the order in which one outdoes the other. */
export const FATES = ['mapped', 'partly', 'refused', 'heeded', 'kept', 'dropped', 'unmapped'] as const;

/** One field of one message that says something. */
export interface FieldReading {
  /** `PID-5` */
  readonly field: string;
  /** Where it stands: `OBX[3]-5`. */
  readonly at: string;
  readonly place: TreeReader;
  readonly fate: FieldFate;
  /** Why it is not, or not all, in a resource. */
  readonly why: readonly string[];
  /** The resources that were read from its segment. */
  readonly resources: readonly MessageResource[];
}

/** What the listener and the feed make of fields of the envelope. */
const HEEDED: Readonly<Record<string, string>> = {
  'MSH-3': 'it says who sends',
  'MSH-4': 'it says who sends',
  'MSH-7': 'it says when the event was, where EVN-2 does not',
  'MSH-9': 'it says what the message is',
  'MSH-10': 'the acknowledgement names it; a repeat is known by it',
  'MSH-12': 'it says how errors are told to the sender',
  'MSH-13': 'it says in which order the sender counts',
  'MSH-15': 'it says whether the sender wants to know that the message is kept',
  'MSH-16': 'it says whether the sender wants to know what became of it',
  'MSH-18': 'it says how the bytes are read',
  'EVN-2': 'it says when the event was',
};

interface Fate {
  readonly fate: FieldFate;
  readonly why: readonly string[];
}

/**
 * What became of every field of a message that was read, in order. MSH-1 and MSH-2 are the delimiters: they are left
 * out.
 */
export function fieldsOf(root: TreeReader, reading: MessageReading): FieldReading[] {
  return segmentPlaces(root).flatMap(([name, segment]) => {
    const at = segment.location();
    const resources = reading.resources.filter(({ segments }) => segments.includes(at));
    const unread = reading.loss.find(({ path }) => path === at);
    return segment.steps().flatMap((step): FieldReading[] => {
      if (name === 'MSH' && Number(step) <= 2) return [];
      const place = segment.child(step);
      const said = resources.map((resource) => inResource(resource, name, Number(step), `${at}-${step}`));
      const field = `${name}-${step}`;
      const heeded = reading.identityFields.includes(field) ? 'it says who becomes whom' : HEEDED[field];
      if (heeded !== undefined) said.push({ fate: 'heeded', why: [heeded] });
      const best = said.toSorted((one, other) => FATES.indexOf(one.fate) - FATES.indexOf(other.fate))[0];
      const { fate, why } = best ?? nowhere(name, unread);
      return [{ field, at: `${at}-${step}`, place, fate, why, resources }];
    });
  });
}

function inResource({ map, loss }: MessageResource, segment: string, field: number, at: string): Fate {
  const told = loss.filter(({ path }) => path === at || isBelow(path, at));
  // What a map of a part does not speak of is another map's.
  if (map.part && !map.cover.parts.get(segment)?.parts.has(field)) return { fate: 'unmapped', why: [] };
  const whole = told.find(({ path }) => path === at);
  const why = told.map(
    ({ kind, path, why: reason }) => `${path} ${kind}${reason === undefined ? '' : `: ${reason}`}`,
  );
  if (told.every(({ kind }) => kind === 'deleted')) return { fate: 'mapped', why: [] };
  return { fate: whole ? fateOf(whole) : 'partly', why };
}

function fateOf({ kind }: Loss): FieldFate {
  return kind === 'kept' || kind === 'dropped' || kind === 'unmapped' ? kind : 'refused';
}

/** Z-segments are the site's own: until an overlay maps them they are kept as they came. */
function nowhere(segment: string, unread: Loss | undefined): Fate {
  if (segment.startsWith('Z'))
    return { fate: 'kept', why: ['no map reads this segment yet: it is kept as it came'] };
  return {
    fate: unread?.kind === 'dropped' ? 'dropped' : 'unmapped',
    why: unread?.why === undefined ? [] : [unread.why],
  };
}

/** `PID-5[2].1` is below `PID-5`; `PID-50` is not. */
function isBelow(path: string, at: string): boolean {
  return path.startsWith(at) && /^[.[]/.test(path.slice(at.length));
}

function segmentPlaces(group: TreeReader): [string, TreeReader][] {
  return group
    .steps()
    .flatMap((step) =>
      Array.from({ length: group.count(step) }, (_, index) => group.child(step, index)).flatMap((place) =>
        /^[A-Z][A-Z0-9]{2}$/.test(String(step))
          ? [[String(step), place] as [string, TreeReader]]
          : segmentPlaces(place),
      ),
    );
}

/** How often a field was seen, and what became of it. */
export interface FieldCoverage {
  readonly field: string;
  readonly seen: number;
  /** By fate; those that did not happen are left out. */
  readonly fates: Readonly<Partial<Record<FieldFate, number>>>;
  /** The reasons that were given, without the places. */
  readonly why: readonly string[];
}

/** Counts over many messages, field by field. */
export interface CoverageTally {
  add(fields: readonly FieldReading[]): void;
  /** In the order of segments as they were first seen, fields by number. */
  fields(): FieldCoverage[];
}

export function createCoverageTally(): CoverageTally {
  const counts = new Map<string, { fates: Partial<Record<FieldFate, number>>; why: Set<string> }>();
  const segments: string[] = [];
  return {
    add(fields) {
      for (const { field, fate, why } of fields) {
        const segment = field.slice(0, 3);
        if (!segments.includes(segment)) segments.push(segment);
        let count = counts.get(field);
        if (!count) counts.set(field, (count = { fates: {}, why: new Set() }));
        count.fates[fate] = (count.fates[fate] ?? 0) + 1;
        for (const reason of why) count.why.add(reason.replace(/^[A-Z][A-Z0-9]{2}(\[\d+\])?-[\d.[\]]+ /, ''));
      }
    },
    fields: () =>
      [...counts]
        .map(([field, { fates, why }]) => ({
          field,
          seen: Object.values(fates).reduce((sum, count) => sum + count, 0),
          fates,
          why: [...why],
        }))
        .toSorted((one, other) => rank(one.field) - rank(other.field)),
  };

  function rank(field: string): number {
    return segments.indexOf(field.slice(0, 3)) * 1_000 + Number(field.slice(4));
  }
}
