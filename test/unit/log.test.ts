import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import { createLogger } from '../../src/log.ts';
import type { LogLevel } from '../../src/log.ts';

function capture(level: LogLevel = 'info') {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return {
    log: createLogger({ level, stream }),
    text: () => lines.join(''),
    last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>,
  };
}

describe('the log', () => {
  it('writes one JSON line with the fields on the allow-list', () => {
    const { log, last } = capture();
    log.child({ requestId: 'r1' }).info('Answered', { status: 200, durationMs: 3, controlId: 'C1' });
    expect(last()).toMatchObject({
      level: 'info',
      message: 'Answered',
      requestId: 'r1',
      status: 200,
      controlId: 'C1',
    });
    expect(last()['time']).toMatch(/^\d{4}-/);
  });

  it('says the time once and first, then level, message and what is bound', () => {
    const { log, last } = capture();
    log.child({ requestId: 'r1' }).warn('Late', { backend: 'core' });
    expect(Object.keys(last())).toEqual(['time', 'level', 'message', 'requestId', 'backend']);
  });

  it.each([
    ['text with quotes', 'say "a\\b"\n\u2028'],
    ['text of any script', 'Zo\u00eb \ud800 \u6771'],
    ['a number', -1.5],
    ['no number', Number.NaN],
    ['a boolean', false],
  ])('is JSON whatever is said: %s', (_what, reason) => {
    const { log, last } = capture();
    log.child({ host: String(reason) }).info(String(reason), { reason });
    expect(last()).toMatchObject({
      message: String(reason),
      host: String(reason),
      reason: Number.isNaN(reason) ? null : reason,
    });
  });

  it('says names as they are, however many and of whatever kind they are', () => {
    const { log, last } = capture();
    const values = [
      'core',
      '200',
      200,
      'say "a"',
      ' ',
      '',
      true,
      ...Array.from({ length: 700 }, (_, nth) => `b${nth}`),
    ];
    for (const round of [1, 2])
      for (const value of values) {
        log.info(`Round ${round} of ${String(value)}`, { backend: value, status: value, route: value });
        expect(last()).toMatchObject({
          message: `Round ${round} of ${String(value)}`,
          backend: value,
          status: value,
          route: value,
        });
      }
  });

  it('says once what is bound and said again, with its last value', () => {
    const { log, text, last } = capture();
    log.child({ backend: 'a', port: 1 }).info('Moved', { port: 2, backend: { name: 'Zebrowski' } });
    expect(last()).toMatchObject({ backend: 'a', port: 2 });
    expect(text().match(/"port"/g)).toHaveLength(1);
    expect(text()).not.toContain('Zebrowski');
  });

  it('tells the time to the millisecond', () => {
    const { log, last } = capture();
    const before = Date.now();
    log.info('Now');
    const after = Date.now();
    const time = String(last()['time']);
    expect(new Date(time).toISOString()).toBe(time);
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(time)).toBeLessThanOrEqual(after);
  });

  it('drops every other field, and objects even under an allowed name', () => {
    const { log, text } = capture();
    log.info('Answered', { body: 'Zebrowski', family: 'Zebrowski', reason: { name: 'Zebrowski' } });
    log.child({ patient: 'Zebrowski' }).info('Answered');
    expect(text()).not.toContain('Zebrowski');
  });

  it('tells the place of a foreign error but not its text, and all of its own', () => {
    const { log, text, last } = capture();
    const foreign = new SyntaxError('Unexpected token in {"family":"Zebrowski"}');
    log.error('Failed', {
      error: new FicusError('legacy-malformed', 'The core answered garbage', { cause: foreign }),
    });
    expect(last()).toMatchObject({
      error: 'FicusError',
      errorCode: 'legacy-malformed',
      errorText: 'The core answered garbage',
      cause: { error: 'SyntaxError' },
    });
    expect(text()).toContain('log.test.ts');
    expect(text()).not.toContain('Zebrowski');
  });

  it('keeps below its level silent', () => {
    const { log, text } = capture('warn');
    log.info('not this');
    log.warn('this');
    expect(text()).toContain('this');
    expect(text()).not.toContain('not this');
    const silent = capture('silent');
    silent.log.error('nothing');
    expect(silent.text()).toBe('');
  });
});
