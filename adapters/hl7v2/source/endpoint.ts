import type { ErrorCode } from '../../../src/errors.ts';
import { compileCondition } from '../../../src/mapping/condition.ts';
import type { InteractionFile } from '../../../src/mapping/exchange-schema.ts';
import type { CompiledMap } from '../../../src/mapping/map-compiler.ts';
import type { MappingSet } from '../../../src/mapping/mapping-set.ts';
import { startRun, type RunContext } from '../../../src/mapping/run.ts';
import { compileStructure, type Grouping } from '../../../src/mapping/structure.ts';
import type { Message } from '../message.ts';
import { parsePath } from '../path.ts';
import { messageTree } from '../tree.ts';
import { elementsOf, type ElementOf } from './reason.ts';
import { createRecall, type Recall } from './recall.ts';
import type { RecentOptions } from './recent.ts';
import type { ToldError } from './refusal.ts';

/** The HL7v2 half of an interaction file's `request`. */
export type Hl7Request = Extract<InteractionFile['request'], { readonly message: string }>;

/** How the resources of an answer are read. */
export interface Reading {
  /** Group that holds one resource; `.` for the message. */
  readonly group: string;
  readonly map: CompiledMap;
  readonly grouping: (names: readonly string[]) => Grouping;
  /** undefined: nothing is remembered, or more than the record itself decides what it is read as. */
  readonly recall: Recall | undefined;
}

/** An interaction file, compiled: what is asked, and how its answer is understood. */
export interface Endpoint {
  /** `Patient.search`. */
  readonly name: string;
  readonly type: string;
  readonly file: InteractionFile;
  readonly request: Hl7Request;
  /** MSH-9.1 and 9.2: `QBP^Q22`, the name of the exchange in logs and metrics. */
  readonly kind: string;
  /** The map of a write. */
  readonly writes: CompiledMap | undefined;
  readonly reads: Reading | undefined;
  /** What the answer says in its place for a status (QAK-2). */
  readonly status: (message: Message) => string | undefined;
  /** Where the answer goes on: the continuation pointer. */
  readonly next: (message: Message) => string | undefined;
  /** Whether MSH-9 is one of those that the file accepts. */
  readonly accepts: (message: Message) => boolean;
  /** What the file's own `errors` make of an answer. */
  readonly refusal: (
    message: Message,
    facts: Readonly<Record<string, string>>,
    errors: readonly ToldError[],
  ) => ErrorCode | undefined;
  readonly elementOf: ElementOf;
}

/**
 * Compiles one interaction of adapter `hl7v2`.
 * @param recent how many of the records it reads are remembered; without it none.
 * @throws Error saying what the file names that is not there.
 */
export function compileEndpoint(
  file: InteractionFile,
  set: MappingSet,
  context: RunContext,
  recent?: RecentOptions,
): Endpoint {
  const { request, response } = file;
  if (!('message' in request))
    throw new Error(`${file.interaction}: an interaction over HL7v2 names a message`);
  const writes = request.maps && set.combined(request.maps);
  const accepted = new Set([response.message ?? []].flat());
  return {
    name: file.interaction,
    type: file.interaction.slice(0, file.interaction.indexOf('.')),
    file,
    request,
    kind: request.message.split('^').slice(0, 2).join('^'),
    writes,
    reads: compileReading(file, set, recent),
    status: valueAt(response.status),
    next: valueAt(response.next),
    accepts: (message) =>
      accepted.size === 0 ||
      accepted.has(`${message.value('MSH', 9) ?? ''}^${message.value('MSH', 9, 1, 2) ?? ''}`),
    refusal: compileRefusals(file, context),
    elementOf: elementsOf(writes),
  };
}

function compileReading(
  file: InteractionFile,
  set: MappingSet,
  recent: RecentOptions | undefined,
): Reading | undefined {
  const { each, structure } = file.response;
  if (!each) return undefined;
  const message = structure === undefined ? undefined : set.messages.get(structure);
  if (!message)
    throw new Error(
      `${file.interaction}: there is no message file for the structure ${structure ?? 'of its answer'}`,
    );
  const map = set.combined(each.maps);
  return {
    group: each.in,
    map,
    grouping: compileStructure(message.structure),
    recall: recent && createRecall(map, message.structure, each.in, recent),
  };
}

/** The value at a path of the answer, undefined when it says nothing. */
function valueAt(path: string | undefined): (message: Message) => string | undefined {
  if (path === undefined) return () => undefined;
  const place = parsePath(path);
  return (message) => message.get(place) || undefined;
}

function compileRefusals(file: InteractionFile, context: RunContext): Endpoint['refusal'] {
  const rows = file.errors.map(({ when, code }) => ({
    condition: compileCondition(when, 'v2', undefined),
    code: code as ErrorCode,
  }));
  if (rows.length === 0) return () => undefined;
  return (message, facts, errors) => {
    const root = messageTree(message);
    // A condition asks for one error at a time; without any, for none.
    for (const err of errors.length > 0 ? errors.map(({ code }) => code) : ['']) {
      const { run } = startRun({ ...context, facts: { ...facts, err } });
      const row = rows.find(({ condition }) => condition.holds(root, run));
      if (row) return row.code;
    }
    return undefined;
  };
}
