import type { Resource } from '../../../src/fhir/types.ts';
import { startRun, type RunContext } from '../../../src/mapping/run.ts';
import type { TreeReader } from '../../../src/mapping/tree.ts';
import type { Logger } from '../../../src/ports.ts';
import type { Message } from '../message.ts';
import type { Segment } from '../segment.ts';
import { messageTree } from '../tree.ts';
import type { Reading } from './endpoint.ts';

/** The resources of an answer. */
export interface Answer {
  readonly resources: readonly Resource[];
  /** Records without a number of a registered authority: they have no id, so they cannot be given. */
  readonly nameless: number;
}

/** Reads every record of an answer. @throws {FicusError} `legacy-malformed` on a byte that does not decode. */
export function readAnswer(reading: Reading, message: Message, context: RunContext, log: Logger): Answer {
  const resources: Resource[] = [];
  let nameless = 0;
  for (const place of placesOf(reading, message)) {
    const { run, losses } = startRun(context);
    const value = reading.map.codec.read(place, run);
    if (losses.length > 0)
      log.debug('values of a record were not read', { kind: losses[0]!.kind, count: losses.length });
    const resource = value as Omit<Resource, 'resourceType'> | undefined;
    if (resource?.id === undefined) nameless += 1;
    else resources.push({ resourceType: reading.map.fhirType, ...resource });
  }
  return { resources, nameless };
}

/** The groups that hold one record each. */
function placesOf(reading: Reading, message: Message): readonly TreeReader[] {
  const { root } = reading.grouping(namesOf(message));
  const tree = messageTree(message, root);
  if (reading.group === '.') return [tree];
  return Array.from({ length: tree.count(reading.group) }, (_, index) => tree.child(reading.group, index));
}

function namesOf(message: Message): readonly string[] {
  return message.segments.map((segment: Segment) => segment.name);
}
