import { readFileSync } from 'node:fs';
import { parseBatch } from '../../adapters/hl7v2/batch.ts';
import type { Message } from '../../adapters/hl7v2/message.ts';
import { messageTree } from '../../adapters/hl7v2/tree.ts';
import { toFicusError } from '../errors.ts';
import type { CompiledMessage } from '../mapping/compiled-message.ts';
import type { MappingSet } from '../mapping/mapping-set.ts';
import { readMessage, type MessageReading } from '../mapping/read-message.ts';
import type { Loss, RunContext } from '../mapping/run.ts';

/** What became of one message of a file. */
export interface MessageReport extends Partial<MessageReading> {
  readonly file: string;
  /** From 1. */
  readonly message: number;
  /** MSH-9 as type and event: `ADT^A01`. */
  readonly type: string;
  /** Why it could not be read. */
  readonly error?: string;
}

const OUT_OF_ORDER = 'stands where the structure of the message does not expect it';

/** Reads every message of a file (one, several, a batch) into resources. */
export function runFile(set: MappingSet, file: string, context: RunContext): MessageReport[] {
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
    messages = parseBatch(bytes, { defaultCharset: 'UNICODE UTF-8' }).messages;
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
    const [code, event, structure] = [1, 2, 3].map((part) => message.value('MSH', 9, 1, part) ?? '');
    type = event === '' ? code! : `${code}^${event}`;
    const file = structureOf(set, type, structure!);
    if (!file) return { type, error: 'there is no message file for this type' };
    const names = message.segments.map((segment) => segment.name);
    const { root, unexpected } = file.group(names);
    const facts = { ...context.facts, event: event!, type: code! };
    const reading = readMessage(file, messageTree(message, root, file.order), { ...context, facts });
    const astray = unexpected.map((index): Loss => ({
      kind: 'unmapped',
      path: names[index]!,
      why: OUT_OF_ORDER,
    }));
    return { type, resources: reading.resources, loss: [...reading.loss, ...astray] };
  } catch (error) {
    return { type, error: describe(error) };
  }
}

/** The structure that MSH-9.3 names, unless another file claims the type. */
function structureOf(set: MappingSet, type: string, structure: string): CompiledMessage | undefined {
  for (const file of set.messages.values()) if (file.of.includes(type)) return file;
  return (
    set.messages.get(structure) ??
    [...set.messages.values()].find((file) => file.of.includes(type.slice(0, 3)))
  );
}

function describe(error: unknown): string {
  const { message, cause } = toFicusError(error);
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
