import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createToldLog, writeTold } from '../../../src/compose/feed/intake-log.ts';
import { FicusError } from '../../../src/errors.ts';
import { createLogger } from '../../../src/log.ts';
import type { Logger } from '../../../src/ports.ts';

/** What a log writes, itself and when it is told from another thread; without the time. */
function bothWays(write: (log: Logger) => void): readonly [Record<string, unknown>, Record<string, unknown>] {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  const log = createLogger({ level: 'debug', stream });
  write(log);
  write(createToldLog((line) => writeTold(log, structuredClone(line))));
  const [here, there] = lines.map((line) => ({ ...(JSON.parse(line) as object), time: '' }));
  return [here!, there!];
}

describe('a log line that is told from another thread', () => {
  it.each<[string, (log: Logger) => void]>([
    ['its level and fields', (log) => log.warn('refused', { reason: 'x', count: 3, body: 'secret' })],
    ['what is bound', (log) => log.child({ backend: 'adt' }).info('taken', { count: 1 })],
    ['no fields', (log) => log.debug('nothing')],
    [
      'an error of the system',
      (() => {
        const error = Object.assign(new TypeError('with data in it'), { code: 'ECONNRESET' });
        return (log: Logger) => log.error('lost', { error });
      })(),
    ],
    [
      'an error of ours, and its cause',
      (() => {
        const error = new FicusError('unavailable', 'It is gone.', { cause: new RangeError('private') });
        return (log: Logger) => log.error('lost', { error });
      })(),
    ],
    ['what is no error', (log) => log.error('lost', { error: 'a text' })],
    ['what is an object', (log) => log.error('lost', { error: { private: 1 } })],
  ])('is written as if it came from here, with %s', (_what, write) => {
    const [here, there] = bothWays(write);
    expect(there).toEqual(here);
  });
});
