import { execFileSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { gatherLines } from '../../src/log.ts';

const MODULE = new URL('../../src/log.ts', import.meta.url).href;

function ending(how: string): string {
  const program = `import { gatherLines } from '${MODULE}';
    const out = gatherLines(process.stdout);
    for (const line of ['one', 'two', 'three']) out.write(line + '\\n');
    ${how}`;
  const options = { encoding: 'utf8', stdio: 'pipe' } as const;
  try {
    return execFileSync(process.execPath, ['--input-type=module', '-e', program], options);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

function collecting(written: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
}

describe('gathered lines', () => {
  it('are written together, in their order, at the end of the turn', async () => {
    const written: string[] = [];
    const out = gatherLines(collecting(written));
    out.write('one\n');
    out.write('two\n');
    expect(written).toEqual([]);
    await setImmediate();
    await setImmediate();
    expect(written).toEqual(['one\ntwo\n']);
    out.write('three\n');
    await setImmediate();
    await setImmediate();
    expect(written).toEqual(['one\ntwo\n', 'three\n']);
  });

  it.each([
    ['by itself', ''],
    ['by exit', 'process.exit(0);'],
    ['by a fault', "throw new Error('fault');"],
    ['by a rejection', "await Promise.reject(new Error('fault'));"],
  ])('are all there when the process ends %s', (_how, how) => {
    expect(ending(how)).toBe('one\ntwo\nthree\n');
  });
});
