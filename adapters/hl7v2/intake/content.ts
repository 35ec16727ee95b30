import type { Message } from '../message.ts';
import type { Segment } from '../segment.ts';
import type { Fault } from './fault.ts';
import type { MessageType } from './message-types.ts';
import { countNamed } from './segment-names.ts';
import type { SegmentNames } from './segment-names.ts';

/** Most faults that one answer tells. */
export const MOST = 20;

/**
 * What a message lacks without which it means nothing: segments that its structure requires, and an identifier in PID
 * and MRG.
 *
 * @param names of its segments
 * @param strict all that the structure requires, in its place; otherwise only what says whom or what the message is
 *   about
 */
export function findLacks(
  message: Message,
  names: SegmentNames,
  type: MessageType,
  strict: boolean,
): Fault[] {
  const faults: Fault[] = [];
  for (const name of strict ? type.required : type.subjects) {
    if (!message.segment(name))
      faults.push({ code: '100', place: { segment: name }, text: `${name} is missing` });
  }
  if (strict) faults.push(...misplaced(message, type));
  for (const [index, pid] of everyOne(message, names, 'PID').entries()) {
    if (!isNamed(pid, 3) && !isNamed(pid, 2))
      faults.push(missing('PID', index + 1, 3, 'names no identifier'));
  }
  for (const [index, mrg] of everyOne(message, names, 'MRG').entries()) {
    if (![1, 2, 3, 4, 5, 6].some((field) => isNamed(mrg, field)))
      faults.push(missing('MRG', index + 1, 1, 'names no identifier'));
  }
  return faults.length > MOST ? faults.slice(0, MOST) : faults;
}

/** All segments of a name. Mostly there is none or one: then the others are not made. */
function everyOne(message: Message, names: SegmentNames, name: string): readonly Segment[] {
  const count = countNamed(names, name);
  if (count > 1) return message.all(name);
  return count === 1 ? [message.segment(name)!] : [];
}

/** A required field that is empty. */
export function missing(segment: string, occurrence: number, field: number, what = 'is empty'): Fault {
  return { code: '101', place: { segment, occurrence, field }, text: `${segment}-${field} ${what}` };
}

function misplaced(message: Message, type: MessageType): Fault[] {
  const names = message.segments.map((segment) => segment.name);
  const { unexpected } = type.group(names);
  return unexpected.slice(0, MOST).map((index): Fault => {
    const segment = names[index]!;
    // What stands where a name should is shown only where it is one: it could be anything.
    const shown = /^[A-Z][A-Z0-9]{2}$/.test(segment) ? segment : 'a line';
    const occurrence = names.slice(0, index + 1).filter((name) => name === segment).length;
    const place = { segment: shown === segment ? segment : 'MSH', occurrence };
    return { code: '100', place, text: `${shown} has no place in ${type.structure} where it stands` };
  });
}

/** Whether any repetition has a first component. */
function isNamed(segment: Segment, field: number): boolean {
  if (segment.value(field)) return true;
  const repetitions = segment.repetitions(field);
  for (let repetition = 2; repetition <= repetitions; repetition++)
    if (segment.value(field, repetition)) return true;
  return false;
}
