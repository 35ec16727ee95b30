import type { Resource } from '../../../src/fhir/types.ts';
import { startRun, type RunContext } from '../../../src/mapping/run.ts';
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

/** Reads every record of an answer. @throws {FicusError} `legacy-malformed` on a byte that does not decode. */
export function readAnswer(reading: Reading, message: Message, context: RunContext, log: Logger): Answer {
  const { root } = reading.grouping(message.segments.map(({ name }) => name));
  const tree = readingTree(message, root);
  const whole = reading.group === '.';
  const groups = whole ? [root] : (root.groups.get(reading.group) ?? []);
  const records: Record[] = [];
  let nameless = 0;
  for (const [index, group] of groups.entries()) {
    const resource = readPlace(reading, whole ? tree : tree.child(reading.group, index), context, log);
    if (resource?.id === undefined) {
      nameless += 1;
      continue;
    }
    const segments = (name: string) =>
      (group.segments.get(name) ?? []).map((at) => message.segments[at]!.bytes());
    records.push({ resource, segments });
  }
  return { records, nameless };
}

function readPlace(
  { map }: Reading,
  place: TreeReader,
  context: RunContext,
  log: Logger,
): Resource | undefined {
  const { run, losses } = startRun(context);
  const value = map.codec.read(place, run) as Omit<Resource, 'resourceType'> | undefined;
  if (losses.length > 0)
    log.debug('values of a record were not read', { kind: losses[0]!.kind, count: losses.length });
  return value && { resourceType: map.fhirType, ...value };
}
