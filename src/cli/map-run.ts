import { readFileSync } from 'node:fs';
import { parseBatch } from '../../adapters/hl7v2/batch.ts';
import type { CharsetChoice } from '../../adapters/hl7v2/charset.ts';
import type { Message } from '../../adapters/hl7v2/message.ts';
import { typeOf } from '../../adapters/hl7v2/message-type.ts';
import { messageTree } from '../../adapters/hl7v2/tree.ts';
import { toFicusError } from '../errors.ts';
import { fieldsOf } from '../mapping/coverage.ts';
import type { FieldReading } from '../mapping/coverage.ts';
import type { MappingSet } from '../mapping/mapping-set.ts';
import { messageOf, typeName } from '../mapping/message-of.ts';
import { readMessage, type MessageReading } from '../mapping/read-message.ts';
import type { Loss, RunContext } from '../mapping/run.ts';

/** What became of one message of a file. */
export interface MessageReport extends Partial<Pick<MessageReading, 'resources' | 'loss'>> {
  readonly file: string;
  /** From 1. */
  readonly message: number;
  /** MSH-9 as type and event: `ADT^A01`. */
  readonly type: string;
  /** What became of each of its fields. */
  readonly fields?: () => FieldReading[];
  /** Why it could not be read. */
  readonly error?: string;
}

const OUT_OF_ORDER = 'stands where the structure of the message does not expect it';

/**
 * Reads every message of a file (one, several, a batch) into resources.
 *
 * @param charset what decides how its bytes are read, as for a connection
 */
export function runFile(
  set: MappingSet,
  file: string,
  context: RunContext,
  charset: CharsetChoice = {},
): MessageReport[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return [
      {
        file,
        message: 1,
        type: '?',
        error: `cannot be read (${(error as { code?: string }).code ?? 'unknown'})`,
      },
    ];
  }
  let messages: readonly Message[];
  try {
    messages = parseBatch(bytes, charset).messages;
  } catch (error) {
    return [{ file, message: 1, type: '?', error: describe(error) }];
  }
  return messages.map((message, at) => ({ file, message: at + 1, ...runMessage(set, message, context) }));
}

function runMessage(
  set: MappingSet,
  message: Message,
  context: RunContext,
): Omit<MessageReport, 'file' | 'message'> {
  let type = '?';
  try {
    const said = typeOf(message);
    type = typeName(said);
    const file = messageOf(set, said);
    if (!file) return { type, error: 'there is no message file for this type' };
    const names = message.segments.map((segment) => segment.name);
    const { root, unexpected } = file.group(names);
    const facts = { ...context.facts, event: said.event, type: said.code };
    const tree = messageTree(message, root, file.order);
    const reading = readMessage(file, tree, { ...context, facts });
    const astray = unexpected.map((index): Loss => ({
      kind: 'unmapped',
      path: names[index]!,
      why: OUT_OF_ORDER,
    }));
    return {
      type,
      resources: reading.resources,
      loss: [...reading.loss, ...astray],
      fields: () => fieldsOf(tree, reading),
    };
  } catch (error) {
    return { type, error: describe(error) };
  }
}

function describe(error: unknown): string {
  const { message, cause } = toFicusError(error);
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
