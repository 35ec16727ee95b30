import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { reportChildLosses, reportLosses } from './cover.ts';
import type { CompiledMap } from './compiled-map.ts';
import { readRemembering } from './remembering.ts';
import { startRun, type Loss, type Run, type RunContext } from './run.ts';
import type { TreeReader, TreeWriter } from './tree.ts';
import { carriedLosses } from './write-loss.ts';

export interface ReadResult {
  /** Absent when the tree says nothing that the map reads. */
  readonly resource: Resource | undefined;
  /** What reading itself could not take: codes, dates, authorities. */
  readonly told: readonly Loss[];
  /** All that had no home, `told` included. Worked out when first asked for, from the tree as it is then. */
  readonly loss: readonly Loss[];
  /** Whether what was read depends on the context's facts. */
  readonly askedFacts: boolean;
  /** The resource is one that others have as well: whoever changes it makes a copy first. */
  readonly shared?: true;
}

export interface WriteResult {
  /** Elements that the tree cannot carry (`not-carried`), and others worth knowing. */
  readonly loss: readonly Loss[];
}

/**
 * Reads a tree into a resource (or a data type's value, for a data type map).
 * @param root the group that holds the map's segments, or the place of the data type.
 */
export function readTree(map: CompiledMap, root: TreeReader, context: RunContext): ReadResult {
  const { run, losses } = startRun(context);
  const value = map.segments.length === 0 ? readRemembering(map.codec, root, run) : map.codec.read(root, run);
  return new TreeReading(map, root, run, losses, asResource(map, value));
}

/**
 * A class, because V8 keeps an accessor of a literal, and with it all that its function sees, in a hidden class of its own: that lives until the next full collection, and
 * the message with it.
 */
class TreeReading implements ReadResult {
  readonly resource: Resource | undefined;
  readonly told: readonly Loss[];
  readonly askedFacts: boolean;
  private readonly map: CompiledMap;
  private readonly root: TreeReader;
  private readonly run: Run;
  private readonly losses: readonly Loss[];
  private reported = false;

  constructor(
    map: CompiledMap,
    root: TreeReader,
    run: Run,
    losses: readonly Loss[],
    resource: Resource | undefined,
  ) {
    this.resource = resource;
    this.told = losses.slice();
    this.askedFacts = run.asked.facts > 0;
    this.map = map;
    this.root = root;
    this.run = run;
    this.losses = losses;
  }

  get loss(): readonly Loss[] {
    if (!this.reported) reportUnread(this.map, this.root, this.run);
    this.reported = true;
    return this.losses;
  }
}

/** Adds what no row speaks of to a run. What a map of a part does not speak of is another map's to report. */
function reportUnread(map: CompiledMap, root: TreeReader, run: Run): void {
  if (map.part) return;
  if (map.segments.length === 0) reportLosses(root, map.cover, run);
  for (const segment of map.segments)
    if (!map.partly.includes(segment)) reportChildLosses(root, segment, map.cover, run);
}

function asResource(map: CompiledMap, value: Json | undefined): Resource | undefined {
  if (value === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return undefined;
  return { resourceType: map.fhirType, ...(value as JsonObject) };
}

/**
 * Writes a resource onto a tree: an empty one to create, an existing one to update. What the tree already says is left byte for
 * byte; what the map does not speak of stays; what the resource no longer has is cleared, as the protocol says it.
 * What does not come back when the tree is read again is reported as `not-carried`: measured, not declared.
 */
export function writeTree(
  map: CompiledMap,
  resource: Resource,
  root: TreeWriter,
  context: RunContext,
): WriteResult {
  const { run, losses } = startRun(context);
  map.codec.write(resource, root, run);
  const back = map.codec.read(root, startRun(context).run);
  const dropped = map.rows
    .filter(({ row }) => row.drop && row.fhir)
    .map(({ row }) => ({ path: row.fhir!, why: row.why! }));
  losses.push(...carriedLosses(resource, back, map.fhirType, dropped, context.timeZone));
  return { loss: losses };
}
