import type { Message } from '../message.ts';
import type { Segment } from '../segment.ts';
import type { Endpoint } from './endpoint.ts';
import { splitPath } from './query.ts';

/**
 * Segments that are told all together (HL7 v2.5.1 §2.10.4.1, snapshot mode), once the map has written them: those
 * without a number get the next one, and where all of them went, one says `""`, since a message without any would leave
 * the core's as they are.
 *
 * @param taken names of the segments that the record had before
 */
export function finishSnapshots(
  message: Message,
  order: readonly string[],
  { snapshots }: Endpoint['request'],
  taken: ReadonlySet<string>,
): void {
  for (const [name, { number: path, none }] of Object.entries(snapshots)) {
    const [, number] = splitPath(path);
    const segments = message.segments.filter((segment) => segment.name === name);
    if (segments.length > 0) numberAll(segments, number);
    else if (taken.has(name)) {
      const deleted = none.map((field) => [splitPath(field)[1], null] as const);
      const at = message.segments.findIndex((segment) => order.indexOf(segment.name) > order.indexOf(name));
      message.insert(at === -1 ? message.segments.length : at, [
        name,
        { [number]: '1', ...Object.fromEntries(deleted) },
      ]);
    }
  }
}

function numberAll(segments: readonly Segment[], field: number): void {
  let last = Math.max(0, ...segments.map((segment) => Number(segment.value(field) ?? 0) || 0));
  for (const segment of segments) if (!segment.value(field)) segment.set(String(++last), field);
}
