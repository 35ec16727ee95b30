import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FicusError } from '../../../../src/errors.ts';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';
import { parsePath } from '../../../../adapters/hl7v2/path.ts';
import type { Message } from '../../../../adapters/hl7v2/message.ts';
import { readCases } from './case-file.ts';
import type { CodecCase } from './case-file.ts';

const FOLDER = join(import.meta.dirname, '../../../../fixtures/hl7v2/codec');

function read(codecCase: CodecCase): Message {
  const { charset, defaultCharset } = codecCase;
  return parseMessage(codecCase.message, {
    ...(charset === undefined ? {} : { charset }),
    ...(defaultCharset === undefined ? {} : { defaultCharset }),
  });
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as FicusError).code;
  }
  return 'none';
}

/** `PID-3` repetitions, `PID-3[1]` components, `PID-3[1].4` subcomponents. */
function count(message: Message, path: string): number {
  const at = parsePath(path);
  const segment = message.segment(at.segment, at.occurrence)!;
  if (at.repetition === undefined) return segment.repetitions(at.field);
  if (at.component === undefined) return segment.components(at.field, at.repetition);
  return segment.subcomponents(at.field, at.repetition, at.component);
}

function check(message: Message, kind: string, path: string, value: string): void {
  if (kind === 'fails')
    expect(
      codeOf(() => message.get(path)),
      path,
    ).toBe(value);
  else if (kind === 'count') expect(count(message, path), path).toBe(Number(value));
  else expect(message.get(path), path).toBe({ read: value, null: null, empty: '', absent: undefined }[kind]);
}

function apply(message: Message, command: string, path: string, value: string): void {
  if (command === 'append') {
    const [name = '', field = ''] = path.split(' ');
    message.append([name, { [Number(field)]: value }]);
  } else {
    message.set(path, value === 'null' ? null : value);
  }
}

const cases = readCases(FOLDER);

it('finds the cases', () => {
  expect(cases.length).toBeGreaterThan(60);
});

describe.each(cases)('$file: $what', (codecCase) => {
  it('reads as expected, in any order, and is the same bytes when untouched', () => {
    for (const list of [codecCase.expectations, codecCase.expectations.toReversed()]) {
      const message = read(codecCase);
      for (const { kind, path, value } of list) check(message, kind, path, value);
      expect(message.toBytes().equals(codecCase.message)).toBe(true);
      const kinds = new Set(message.check().map((defect) => defect.kind));
      expect([...kinds]).toEqual(codecCase.defects);
    }
  });

  for (const edit of codecCase.edits) {
    it(`${edit.command} ${edit.path} = ${JSON.stringify(edit.value)}`, () => {
      const message = read(codecCase);
      const act = (): void => apply(message, edit.command, edit.path, edit.value);
      if (edit.command === 'refuse') {
        expect(codeOf(act)).toBe(edit.outcome);
        expect(message.toBytes().equals(codecCase.message)).toBe(true);
        return;
      }
      act();
      expect(message.toBytes().toString('latin1')).toBe(edit.bytes.toString('latin1'));
      if (edit.command === 'set')
        expect(message.get(edit.path)).toBe(edit.value === 'null' ? null : edit.value);
    });
  }
});
