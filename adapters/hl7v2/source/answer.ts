import type { Resource } from '../../../src/fhir/types.ts';
import { logLostValues } from '../../../src/mapping/lost-values.ts';
import { startRun, type Loss, type RunContext } from '../../../src/mapping/run.ts';
import type { Grouping, SegmentGroup } from '../../../src/mapping/structure.ts';
import type { TreeReader } from '../../../src/mapping/tree.ts';
import type { Logger } from '../../../src/ports.ts';
import type { ByteString } from '../charset.ts';
import type { Message } from '../message.ts';
import { readingTree } from '../reading-tree.ts';
import type { Reading } from './endpoint.ts';

/** One record of an answer. */
export interface Record {
  readonly resource: Resource;
  /** Its segments of a name, as they came, without segment ends. */
  readonly segments: (name: string) => readonly ByteString[];
}

/** The records of an answer. */
export interface Answer {
  readonly records: readonly Record[];
  /** Records without a number of a registered authority: they have no id, so they cannot be given. */
  readonly nameless: number;
}

/**
 * As `readAnswer`; but what was read lately from the only record of an answer is not read again while its bytes are the
 * same.
 *
 * @param asked the key that was asked for
 */
export function readOrRecall(
  reading: Reading,
  message: Message,
  asked: string,
  context: RunContext,
  log: Logger,
): Answer {
  const { recall } = reading;
  if (!recall) return readAnswer(reading, message, context, log);
  const origin = recall.origin(message);
  const resource = recall.get(asked, origin);
  if (resource) {
    const segments = (name: string) => {
      const { root } = groupsIn(reading, message);
      return segmentsOf(message, root.groups.get(reading.group)![0]!, name);
    };
    return { records: [{ resource, segments }], nameless: 0 };
  }
  const answer = readAnswer(reading, message, context, log);
  const [only] = answer.records;
  if (only && answer.records.length + answer.nameless === 1) recall.set(asked, origin, only.resource);
  return answer;
}

/** Reads every record of an answer. @throws {FicusError} `legacy-malformed` on a byte that does not decode. */
export function readAnswer(reading: Reading, message: Message, context: RunContext, log: Logger): Answer {
  const { root } = groupsIn(reading, message);
  const tree = readingTree(message, root);
  const whole = reading.group === '.';
  const groups = whole ? [root] : (root.groups.get(reading.group) ?? []);
  const records: Record[] = [];
  const losses: Loss[] = [];
  let nameless = 0;
  for (const [index, group] of groups.entries()) {
    const resource = readPlace(reading, whole ? tree : tree.child(reading.group, index), context, losses);
    if (resource?.id === undefined) {
      nameless += 1;
      continue;
    }
    records.push({ resource, segments: (name) => segmentsOf(message, group, name) });
  }
  logLostValues(reading.map.fhirType, losses, log);
  return { records, nameless };
}

function groupsIn(reading: Reading, message: Message): Grouping {
  return reading.grouping(message.segments.map(({ name }) => name));
}

function segmentsOf(message: Message, group: SegmentGroup, name: string): ByteString[] {
  return (group.segments.get(name) ?? []).map((at) => message.segments[at]!.bytes());
}

function readPlace(
  { map }: Reading,
  place: TreeReader,
  context: RunContext,
  lost: Loss[],
): Resource | undefined {
  const { run, losses } = startRun(context);
  const value = map.codec.read(place, run) as Omit<Resource, 'resourceType'> | undefined;
  for (const loss of losses) lost.push(loss);
  return value && { resourceType: map.fhirType, ...value };
}
