import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { pipeBytes } from '../../../src/fhir/pipe-bytes.ts';

const tooLarge = (): Error => new Error('too large');

describe('the bytes of a body that is piped', () => {
  it('are all of it, up to the limit', async () => {
    const pipe = (sink: Writable) => pipeline(Readable.from([Buffer.from('abc'), Buffer.from('de')]), sink);
    expect(String(await pipeBytes(pipe, 5, tooLarge))).toBe('abcde');
    expect(await pipeBytes((sink) => pipeline(Readable.from([]), sink), 0, tooLarge)).toHaveLength(0);
  });

  it('are not had over the limit, and the transfer ends there', async () => {
    let taken = 0;
    const endless = function* (): Generator<Buffer> {
      for (;;) yield Buffer.alloc(1_000, (taken += 1) & 0xff);
    };
    const pipe = (sink: Writable) => pipeline(Readable.from(endless()), sink);
    await expect(pipeBytes(pipe, 9_999, tooLarge)).rejects.toThrow('too large');
    expect(taken).toBeLessThan(100);
  });

  it('that are too many are so however the pipe words it, and what else it fails with is told', async () => {
    const rewording = (sink: Writable) =>
      pipeline(Readable.from([Buffer.from('abc')]), sink).catch(() => {
        throw new Error('the transfer broke');
      });
    await expect(pipeBytes(rewording, 2, tooLarge)).rejects.toThrow('too large');
    const failing = () => Promise.reject(new Error('gone'));
    await expect(pipeBytes(failing, 2, tooLarge)).rejects.toThrow('gone');
  });
});
