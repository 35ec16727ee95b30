import { fieldsOf } from './coverage.ts';
import type { FieldFate, FieldReading } from './coverage.ts';
import type { SourceRow } from './compiled-map.ts';
import { describeRow } from './explain.ts';
import type { MessageReading } from './read-message.ts';
import type { TreeReader } from './tree.ts';

/** A row that speaks of a field, and where it was written. */
export interface ExplainedRow {
  readonly map: string;
  /** As it would be written. */
  readonly row: string;
  /** `Patient.name`; absent where the row has no FHIR side. */
  readonly element?: string;
  /** `mappings/hl7v2/segments/PID-Patient.yaml:14` */
  readonly origin: string;
}

/** What a field of a message says, and what became of it. Holds values: for those who may see the message. */
export interface ExplainedField {
  /** `PID[2]`: the segment that it stands in. */
  readonly segment: string;
  readonly field: string;
  /** In the usual delimiters, escapes taken away. */
  readonly text: string;
  readonly fate: FieldFate;
  readonly why: readonly string[];
  readonly rows: readonly ExplainedRow[];
}

/** Explains a message that was read, field by field, in order: which row, which value, what had no home. */
export function explainMessage(root: TreeReader, reading: MessageReading): ExplainedField[] {
  return fieldsOf(root, reading).map((one) => ({
    segment: one.at.slice(0, one.at.lastIndexOf('-')),
    field: one.field,
    text: textOf(one.place, ['^', '&']),
    fate: one.fate,
    why: one.why,
    rows: rowsOf(one),
  }));
}

function rowsOf({ field, resources }: FieldReading): ExplainedRow[] {
  const seen = new Set<SourceRow>();
  const [segment = '', number = ''] = field.split('-');
  const part = `${segment}.${number}`;
  return resources.flatMap(({ map, resource }) =>
    map.rows.flatMap((source): ExplainedRow[] => {
      const { row, origin } = source;
      // A row of a whole segment reads the fields that it names, and counts where its element came about.
      const ofSegment =
        row.v2 === segment &&
        Object.values(row.with ?? {}).some((path) => path === part || path.startsWith(`${part}.`)) &&
        resource?.[row.fhir?.split(/[.([]/, 1)[0] ?? ''] !== undefined;
      const speaks = row.v2 === field || row.v2?.startsWith(`${field}.`) || ofSegment;
      if (!speaks || seen.has(source)) return [];
      seen.add(source);
      const overlay = origin.overlay === undefined ? '' : ` (overlay by ${origin.overlay})`;
      return [
        {
          map: map.name,
          row: describeRow(source),
          ...(row.fhir ? { element: `${map.fhirType}.${row.fhir}` } : {}),
          origin: `${origin.file}:${origin.line}${overlay}`,
        },
      ];
    }),
  );
}

function textOf(place: TreeReader, delimiters: readonly string[]): string {
  const steps = place.steps();
  const [delimiter, ...deeper] = delimiters;
  if (steps.length === 0 || delimiter === undefined) {
    const text = place.text();
    return text === null ? '""' : (text ?? '');
  }
  const last = Math.max(...steps.map(Number));
  return Array.from({ length: last }, (_, at) => textOf(place.child(at + 1), deeper)).join(delimiter);
}
