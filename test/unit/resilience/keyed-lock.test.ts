import { expect, it } from 'vitest';
import { createKeyedLock } from '../../../src/resilience/keyed-lock.ts';
import { settled } from './support.ts';

const forever = new AbortController().signal;
const leave = () => new Error('left');

it('lets one at a time hold a key, in the order of asking, and other keys go on', async () => {
  const lock = createKeyedLock();
  const order: string[] = [];
  const hold = async (key: string, name: string) => {
    const release = await lock.acquire(key, forever, leave);
    order.push(`${name} in`);
    await settled();
    order.push(`${name} out`);
    release();
  };
  await Promise.all([hold('a', '1'), hold('a', '2'), hold('b', 'x'), hold('a', '3')]);
  expect(order.filter((entry) => !entry.startsWith('x'))).toEqual([
    '1 in',
    '1 out',
    '2 in',
    '2 out',
    '3 in',
    '3 out',
  ]);
  expect(order.indexOf('x in')).toBeLessThan(order.indexOf('1 out'));
});

it('passes over whoever left while waiting', async () => {
  const lock = createKeyedLock();
  const release = await lock.acquire('a', forever, leave);
  const leaving = new AbortController();
  const left = lock.acquire('a', leaving.signal, leave);
  const next = lock.acquire('a', forever, leave);
  leaving.abort();
  await expect(left).rejects.toThrow('left');
  release();
  (await next)();
  (await lock.acquire('a', forever, leave))();
  await expect(lock.acquire('a', leaving.signal, leave)).rejects.toThrow('left');
});
