import type { Json } from '../../fhir/types.ts';
import { stringOf, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import type { Codec } from '../codec.ts';
import { primitiveCodec } from '../primitive.ts';
import type { Run } from '../run.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step, TreeReader, TreeWriter } from '../tree.ts';
import { rawText } from './raw-text.ts';
import { numberForms, type Form, type ValueProperty } from './observed-numbers.ts';
import { unitCodec, type UnitPaths } from './units.ts';

/** Where an observation says its value: OBX-2, 5 and 6. */
export interface ObservedPaths {
  readonly type: readonly Step[];
  readonly value: readonly Step[];
  readonly units: UnitPaths;
}

/** Codecs of the data types that a value may have. */
export interface ObservedParts {
  readonly concept: Codec | undefined;
  readonly period: Codec | undefined;
  readonly file: Codec | undefined;
  readonly pointer: Codec | undefined;
  readonly systems: CodeMap | undefined;
}

/** What an observation says, and as what. */
export interface Observed {
  readonly property: ValueProperty;
  readonly value: Json;
}

/**
 * Values of observations by OBX-2 (HL7 table 0125), both ways. v2-to-FHIR, segment OBX[Observation], OBX-2, 5 and 6.
 */
export interface ObservedValue {
  /** One repetition of OBX-5. A text that is not what OBX-2 says it is stays a text: nothing measured is lost. */
  readonly read: (obx: TreeReader, index: number, run: Run) => Observed | undefined;
  /** Makes the first repetition say a value, and OBX-2 say what it is; false when it cannot. */
  readonly write: (said: Observed | undefined, obx: TreeWriter, run: Run) => boolean;
  /** How many values there are: repeated lines of text are one (HL7 v2.5.1 §2.A.78). */
  readonly count: (obx: TreeReader) => number;
}

/** Types whose repetitions are lines. */
const LINES = new Set(['TX', 'FT']);
const TEXTS = ['ST', 'TX', 'FT'];

/** Makes the values of observations. */
export function observedValue(paths: ObservedPaths, parts: ObservedParts): ObservedValue {
  const forms = formsOf(paths, parts);
  const units = unitCodec(paths.units, parts.systems);
  const last = paths.value.at(-1)!;
  const above = paths.value.slice(0, -1);
  const typeOf = (obx: TreeReader): string => textOf(descend(obx, paths.type))?.trim() ?? '';
  const placesOf = (obx: TreeReader): number => descend(obx, above).count(last);
  const valueAt = (obx: TreeReader, index: number): TreeReader => descend(obx, above).child(last, index);
  return {
    read(obx, index, run) {
      const type = typeOf(obx);
      const place = valueAt(obx, index);
      if (!place.filled()) return undefined;
      if (LINES.has(type))
        return textOfLines(Array.from({ length: placesOf(obx) }, (_, at) => valueAt(obx, at)));
      for (const form of forms) {
        if (!form.types.includes(type)) continue;
        const value = form.read(place, obx, run);
        if (value !== undefined) return { property: form.property, value };
      }
      const text = rawText(place);
      if (text === undefined) return undefined;
      if (!TEXTS.includes(type))
        run.lose('invalid', place.location(), 'read as text: not what OBX-2 says it is');
      return { property: 'valueString', value: text };
    },
    write(said, obx, run) {
      const place = descendTo(obx, paths.value);
      if (!said) {
        if (placesOf(obx) > 1) descendTo(obx, above).arrange(last, [0]);
        place.clear();
        return units.write(undefined, obx, run);
      }
      const now = typeOf(obx);
      const fitting = forms.filter((form) => form.property === said.property);
      const chosen = [...fitting.filter((form) => form.types.includes(now)), ...fitting];
      return chosen.some((form) => {
        const type = form.types.includes(now) ? now : form.types[0]!;
        if (type !== now || placesOf(obx) > 1) {
          descendTo(obx, above).arrange(last, [0]);
          place.set('');
          descendTo(obx, paths.type).set(type);
        }
        return form.write(said.value, place, obx, run);
      });
    },
    count: (obx) => (LINES.has(typeOf(obx)) ? Math.min(placesOf(obx), 1) : placesOf(obx)),
  };
}

function textOfLines(lines: readonly TreeReader[]): Observed | undefined {
  const text = lines
    .map((line) => rawText(line) ?? '')
    .join('\n')
    .trimEnd();
  return text === '' ? undefined : { property: 'valueString', value: text };
}

function formsOf(paths: ObservedPaths, parts: ObservedParts): readonly Form[] {
  const made = (property: ValueProperty, types: readonly string[], codec: Codec | undefined): Form[] =>
    codec === undefined
      ? []
      : [
          {
            property,
            types,
            read: (place, _obx, run) => codec.read(place, run.quiet),
            write: (value, place, _obx, run) => codec.write(value, place, run),
          },
        ];
  const date = primitiveCodec('dateTime', { syntax: 'v2' });
  return [
    ...numberForms(paths.units, parts.systems),
    ...made('valueCodeableConcept', ['CWE', 'CE', 'CNE', 'CF', 'IS', 'ID'], parts.concept),
    ...made('valueDateTime', ['DT'], onlyDays(date)),
    ...made('valueDateTime', ['DTM', 'TS'], date),
    ...made('valueTime', ['TM'], primitiveCodec('time', { syntax: 'v2' })),
    ...made('valuePeriod', ['DR'], parts.period),
    ...made('valueAttachment', ['ED'], parts.file),
    ...made('valueAttachment', ['RP'], parts.pointer),
    ...made('valueString', ['TX', 'FT'], onlyLines(TEXT)),
    ...made('valueString', TEXTS, TEXT),
  ];
}

/** A text of several lines is TX. */
function onlyLines(codec: Codec): Codec {
  return {
    read: (place, run) => codec.read(place, run),
    write: (value, place, run) => stringOf(value)?.includes('\n') === true && codec.write(value, place, run),
  };
}

/** DT has no time of day. */
function onlyDays(codec: Codec): Codec {
  return {
    read: (place, run) => codec.read(place, run),
    write: (value, place, run) => !stringOf(value)?.includes('T') && codec.write(value, place, run),
  };
}

const TEXT: Codec = {
  read: (place) => rawText(place),
  write(value, place) {
    const text = stringOf(value);
    if (text === undefined) return false;
    place.set(text);
    return true;
  },
};

/** One property of `Observation.value[x]`, of an observation that says one value. */
export function observedCodec(values: ObservedValue, property: ValueProperty): Codec {
  return {
    read(obx, run) {
      if (values.count(obx) !== 1) return undefined;
      const said = values.read(obx, 0, property === 'valueString' ? run : run.quiet);
      return said?.property === property ? said.value : undefined;
    },
    write(value, obx, run) {
      if (value !== undefined) return values.write({ property, value }, obx, run);
      const said = values.count(obx) === 1 ? values.read(obx, 0, run.quiet) : undefined;
      return said?.property === property ? values.write(undefined, obx, run) : true;
    },
  };
}
