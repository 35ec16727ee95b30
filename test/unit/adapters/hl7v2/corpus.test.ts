import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseBatch } from '../../../../adapters/hl7v2/batch.ts';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';

const shared = process.env['FICUS_SHARED'];
const data = shared === undefined ? '' : join(shared, 'data/hl7v2');
const skipped = shared === undefined ? ' (skipped: FICUS_SHARED is not set)' : '';

interface TortureCase {
  readonly id: string;
  readonly generated: boolean;
  readonly batch: boolean;
  readonly bytes: number;
  readonly reads: readonly { readonly path: string; readonly accept: readonly string[] }[];
  readonly nullTest?: readonly (readonly [string, number, number, number, number, number])[];
}

/** `PID[1]-5[1].2.1`: the path form of this codec, all indices written. */
const torture: TortureCase[] =
  shared === undefined
    ? []
    : (JSON.parse(readFileSync(join(data, 'torture/expected.json'), 'utf8')) as TortureCase[]);

/** Where MSH-10 stands in the bytes, found without the codec: behind the ninth separator, up to the tenth or the line's end. */
function controlIdRange(bytes: Buffer, from: number): [number, number] {
  const separator = bytes[from + 3];
  let left = 9;
  let at = from + 3;
  const ends = (offset: number): boolean =>
    offset >= bytes.length || bytes[offset] === 0x0d || bytes[offset] === 0x0a;
  while (!ends(at)) {
    if (bytes[at] === separator && --left === 0) break;
    at++;
  }
  if (left > 0) throw new Error('header without MSH-10');
  let end = at + 1;
  while (!ends(end) && bytes[end] !== separator) end++;
  return [at + 1, end];
}

function headers(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf('MSH'); at !== -1; at = bytes.indexOf('MSH', at + 1)) {
    const before = bytes[at - 1];
    if (at === 0 || before === 0x0d || before === 0x0a || before === 0x0b) found.push(at);
  }
  return found;
}

/** The same bytes with every MSH-10 replaced, made without the codec. */
function withControlIds(bytes: Buffer, controlId: string): Buffer {
  const parts: Buffer[] = [];
  let copied = 0;
  for (const header of headers(bytes)) {
    const [from, to] = controlIdRange(bytes, header);
    parts.push(bytes.subarray(copied, from), Buffer.from(controlId));
    copied = to;
  }
  return Buffer.concat([...parts, bytes.subarray(copied)]);
}

describe.skipIf(shared === undefined)(`torture cases of others${skipped}`, () => {
  it('is 38 cases', () => expect(torture).toHaveLength(38));

  it.each(torture.filter((each) => !each.generated))('$id', ({ id, batch, reads, nullTest }) => {
    const bytes = readFileSync(join(data, `torture/${id}.hl7`));
    if (batch) {
      expect(parseBatch(bytes).messages).toHaveLength(2);
      expect(parseBatch(bytes).toBytes().equals(bytes)).toBe(true);
      return;
    }
    const message = parseMessage(bytes);
    for (const { path, accept } of reads) expect(accept, path).toContain(message.get(path));
    if (nullTest) {
      const [first, second] = nullTest.map(([name, , ...at]) => message.value(name, ...at));
      expect(first).not.toEqual(second);
    }
    expect(message.toBytes().equals(bytes)).toBe(true);
  });

  it('T34: five megabytes of base64 in OBX-5', () => {
    const content = Buffer.alloc(3_932_160, 'ficus').toString('base64');
    const bytes = Buffer.from(
      `MSH|^~\\&|A|B|C|D|2025||ORU^R01|1|P|2.5.1\rOBX|1|ED|X||^application^pdf^Base64^${content}||||||F\r`,
    );
    const message = parseMessage(bytes);
    expect(message.get('OBX-5.5')).toBe(content);
    expect(message.get('OBX-11')).toBe('F');
    message.set('OBX-11', 'C');
    expect(
      message.toBytes().equals(Buffer.from(bytes.toString('latin1').replace(/F\r$/, 'C\r'), 'latin1')),
    ).toBe(true);
  });
});

describe.skipIf(shared === undefined)(`messages of others${skipped}`, () => {
  const files =
    shared === undefined
      ? []
      : (readdirSync(join(data, 'corpus'), { recursive: true }) as string[]).filter((name) =>
          name.endsWith('.hl7'),
        );

  it('are many', () => expect(files.length).toBeGreaterThan(1_300));

  it('come back byte for byte untouched, and with a new MSH-10 with every other byte the same', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const bytes = readFileSync(join(data, 'corpus', file));
      const read = file.startsWith('_batch') ? parseBatch(bytes) : parseMessage(bytes);
      const messages = 'messages' in read ? read.messages : [read];
      for (const message of messages) for (const segment of message.segments) segment.written(1_000);
      const untouched = read.toBytes().equals(bytes);
      for (const message of messages) message.set('MSH-10', 'FICUS-NEW-ID');
      if (!untouched || !read.toBytes().equals(withControlIds(bytes, 'FICUS-NEW-ID'))) wrong.push(file);
    }
    expect(wrong).toEqual([]);
  });
});
