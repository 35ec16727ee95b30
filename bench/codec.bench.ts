import { Hl7Message } from '@medplum/core';
import { createRequire } from 'node:module';
import { parseMessage } from '../adapters/hl7v2/parse.ts';
import { costRow, median, pairedRatio, roundsOf } from './harness.ts';
import type { Operation, Row } from './harness.ts';
import { adtMessage, oruMessage } from './messages.ts';

// The codec against @medplum/core and hl7-standard: parse and read 20 values; parse, change values, write. Everyone starts from the bytes that came
// over the wire and ends with bytes to send. Costs are CPU microseconds a message, medians of the rounds; a ratio is the median of the rounds' own: one
// beside the other meets the same machine.

interface StandardMessage {
  transform(): void;
  get(path: string): unknown;
  set(path: string, value: string): void;
  build(): string;
}
const HL7Standard = createRequire(import.meta.url)('hl7-standard') as new (text: string) => StandardMessage;

/** Segment, field, repetition, component. */
type Read = readonly [segment: string, field: number, repetition: number, component: number];
type Edit = readonly [segment: string, field: number, component: number, value: string];

const HEADER: readonly Read[] = [
  ['MSH', 3, 1, 1], ['MSH', 9, 1, 1], ['MSH', 9, 1, 2], ['MSH', 10, 1, 1], ['MSH', 12, 1, 1],
  ['PID', 3, 1, 1], ['PID', 3, 1, 4], ['PID', 5, 1, 1], ['PID', 5, 1, 2], ['PID', 7, 1, 1], ['PID', 8, 1, 1],
]; // prettier-ignore
const ADT_READS: readonly Read[] = [
  ...HEADER,
  ['EVN', 2, 1, 1], ['PID', 3, 2, 1], ['PID', 11, 1, 1], ['PID', 11, 1, 3], ['PID', 13, 1, 7],
  ['NK1', 2, 1, 1], ['PV1', 2, 1, 1], ['PV1', 3, 1, 1], ['PV1', 19, 1, 1],
]; // prettier-ignore
const ORU_READS: readonly Read[] = [
  ...HEADER,
  ['PV1', 2, 1, 1], ['ORC', 1, 1, 1], ['ORC', 2, 1, 1], ['OBR', 4, 1, 1], ['OBR', 4, 1, 2],
  ['OBR', 7, 1, 1], ['OBX', 3, 1, 1], ['OBX', 5, 1, 1], ['OBX', 6, 1, 1],
]; // prettier-ignore
/** A message handed on under another name: one value. */
const ONE_EDIT: readonly Edit[] = [['MSH', 10, 1, 'FICUS0001']];
/** A message re-addressed and its patient renumbered: six values in three segments. */
const SIX_EDITS: readonly Edit[] = [
  ['MSH', 5, 1, 'ARCHIVE'], ['MSH', 6, 1, 'SUED'], ['MSH', 10, 1, 'FICUS0001'],
  ['PID', 3, 1, '200567'], ['PID', 5, 1, 'MUELLER'], ['PV1', 2, 1, 'E'],
]; // prettier-ignore

function ourReads(bytes: Buffer, reads: readonly Read[]): number {
  const message = parseMessage(bytes);
  let length = 0;
  for (const [segment, field, repetition, component] of reads) {
    length += message.value(segment, field, repetition, component)?.length ?? 0;
  }
  return length;
}

function medplumReads(bytes: Buffer, reads: readonly Read[]): number {
  const message = Hl7Message.parse(bytes.toString());
  let length = 0;
  for (const [segment, field, repetition, component] of reads) {
    length +=
      message
        .getSegment(segment)
        ?.getField(field)
        .getComponent(component, 0, repetition - 1).length ?? 0;
  }
  return length;
}

function standardReads(bytes: Buffer, paths: readonly string[]): number {
  const message = new HL7Standard(bytes.toString());
  message.transform();
  let length = 0;
  for (const path of paths) length += String(message.get(path)).length;
  return length;
}

function ourEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const message = parseMessage(bytes);
  for (const [segment, field, component, value] of edits)
    message.segment(segment)!.set(value, field, 1, component);
  return message.toBytes();
}

function medplumEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const message = Hl7Message.parse(bytes.toString());
  for (const [name, number, component, value] of edits) {
    const segment = message.getSegment(name)!;
    // A field is replaced by its text: changing the components of the one that `getField` gives has no effect.
    const parts = segment.getField(number).toString().split('^');
    parts[component - 1] = value;
    segment.setField(number, parts.join('^'));
  }
  return Buffer.from(message.toString());
}

function standardEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const message = new HL7Standard(bytes.toString());
  message.transform();
  for (const [segment, field, component, value] of edits)
    message.set(`${segment}.${field}.${component}`, value);
  return Buffer.from(message.build());
}

/** What is compared must be the same work: the peers' answers are checked before anything is measured. */
function mustAgree(what: string, ours: unknown, peer: unknown): void {
  if (String(ours) !== String(peer)) throw new Error(`${what}: the candidates do not agree`);
}

/** Many rounds, for a machine that others use; long enough for each to collect what it leaves behind. */
const ROUNDS = { rounds: 61, roundMs: 25 };

/** @param target of the ratio to @medplum/core */
async function rows(
  name: string,
  target: number,
  ours: Operation,
  medplum: Operation,
  standard: Operation,
): Promise<Row[]> {
  const [mine = [], medplums = [], standards = []] = await roundsOf([ours, medplum, standard], ROUNDS);
  const row = (peer: string, costs: readonly number[], wanted?: number): Row => ({
    ...costRow(`${name}, against ${peer}`, median(mine), median(costs), 'us', wanted),
    ratio: pairedRatio(costs, mine),
  });
  return [row('@medplum/core', medplums, target), row('hl7-standard', standards)];
}

async function readRows(name: string, bytes: Buffer, reads: readonly Read[]): Promise<Row[]> {
  const paths = reads.map(([segment, field, , component]) => `${segment}.${field}.${component}`);
  mustAgree(name, ourReads(bytes, reads), medplumReads(bytes, reads));
  return rows(
    `${name}: parse + ${reads.length} reads`,
    3,
    () => ourReads(bytes, reads),
    () => medplumReads(bytes, reads),
    () => standardReads(bytes, paths),
  );
}

async function editRows(name: string, bytes: Buffer, edits: readonly Edit[]): Promise<Row[]> {
  mustAgree(name, ourEdits(bytes, edits), medplumEdits(bytes, edits));
  return rows(
    `${name}: ${edits.length === 1 ? '1 edit' : `${edits.length} edits`} + write`,
    5,
    () => ourEdits(bytes, edits),
    () => medplumEdits(bytes, edits),
    () => standardEdits(bytes, edits),
  );
}

export default async function codecBench(): Promise<Row[]> {
  const adt = Buffer.from(adtMessage('F001'));
  const oru = Buffer.from(oruMessage('F001'));
  return [
    ...(await readRows('ADT', adt, ADT_READS)),
    ...(await readRows('ORU', oru, ORU_READS)),
    ...(await editRows('ADT', adt, ONE_EDIT)),
    ...(await editRows('ADT', adt, SIX_EDITS)),
    ...(await editRows('ORU', oru, ONE_EDIT)),
    ...(await editRows('ORU', oru, SIX_EDITS)),
  ];
}
