import { describe, expect, it } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import type { Signal } from '../../src/cancellation.ts';

/** Ours, and what it stands in for: both have to behave the same. */
const KINDS: readonly (readonly [string, () => { signal: Signal; abort: (reason?: unknown) => void }])[] = [
  [
    'Cancellation',
    () => {
      const signal = new Cancellation();
      return { signal, abort: (reason) => signal.abort(reason) };
    },
  ],
  [
    'AbortController',
    () => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
    },
  ],
];

describe.each(KINDS)('%s', (_, create) => {
  it('tells those who listen, in their order, once, and why', () => {
    const { signal, abort } = create();
    const told: string[] = [];
    signal.addEventListener('abort', () => told.push(`first ${String(signal.reason)}`), { once: true });
    signal.addEventListener('abort', () => told.push('second'), { once: true });
    expect(signal.aborted).toBe(false);
    abort('late');
    abort('later');
    expect(signal.aborted).toBe(true);
    expect(told).toEqual(['first late', 'second']);
  });

  it('gives an AbortError where no reason is given', () => {
    const { signal, abort } = create();
    abort();
    expect(signal.reason).toMatchObject({ name: 'AbortError' });
  });

  it('does not tell one that left, not even where another took it away just now', () => {
    const { signal, abort } = create();
    const told: string[] = [];
    const left = () => void told.push('left');
    const taken = () => void told.push('taken away');
    signal.addEventListener('abort', left);
    signal.addEventListener('abort', () => signal.removeEventListener('abort', taken));
    signal.addEventListener('abort', taken);
    signal.removeEventListener('abort', left);
    signal.removeEventListener('abort', left);
    abort();
    expect(told).toEqual([]);
  });

  it('tells one that came twice once', () => {
    const { signal, abort } = create();
    let times = 0;
    const listener = () => void (times += 1);
    signal.addEventListener('abort', listener);
    signal.addEventListener('abort', listener);
    abort();
    expect(times).toBe(1);
  });

  it('tells nobody who comes too late, or while the others are told', () => {
    const { signal, abort } = create();
    const told: string[] = [];
    signal.addEventListener('abort', () => signal.addEventListener('abort', () => told.push('during')));
    abort();
    signal.addEventListener('abort', () => told.push('after'));
    expect(told).toEqual([]);
  });
});
