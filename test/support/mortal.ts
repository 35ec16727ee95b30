import { systemClock } from '../../src/clock.ts';
import type { Backend, Clock } from '../../src/ports.ts';

/** A process that can be killed before and after everything that it does to the world. */
export interface Mortal {
  /** The same object; each call of a method is two steps: before it, and after it. */
  stand<T extends object>(on: T): T;
  backend(backend: Backend): Backend;
  readonly clock: Clock;
  /** Resolves when it is dead: then nothing of it goes on. */
  readonly death: Promise<'dead'>;
  readonly isDead: boolean;
  /** Steps so far. */
  readonly steps: number;
}

/** @param killAt the step at which it dies, from 1; Infinity: never */
export function createMortal(killAt: number): Mortal {
  let steps = 0;
  let dead = false;
  let die: (value: 'dead') => void = () => {};
  const death = new Promise<'dead'>((resolve) => (die = resolve));
  const never = new Promise<never>(() => {});

  /** Whether it lives on. */
  function step(): boolean {
    if (!dead) steps += 1;
    if (!dead && steps >= killAt) {
      dead = true;
      die('dead');
    }
    return !dead;
  }

  async function pass<T>(work: () => Promise<T>): Promise<T> {
    if (!step()) return never;
    try {
      const result = await work();
      return step() ? result : await never;
    } catch (error) {
      if (step()) throw error;
      return never;
    }
  }

  return {
    stand: (on) =>
      new Proxy(on, {
        get(target, name, receiver): unknown {
          const member: unknown = Reflect.get(target, name, receiver);
          if (typeof member !== 'function') return member;
          return (...given: unknown[]) => pass(async () => Reflect.apply(member, target, given) as unknown);
        },
      }),
    backend: (backend) => ({ handle: (request, context) => pass(() => backend.handle(request, context)) }),
    clock: {
      now: () => systemClock.now(),
      after: (ms, callback) => systemClock.after(ms, () => void (dead || callback())),
    },
    death,
    get isDead() {
      return dead;
    },
    get steps() {
      return steps;
    },
  };
}
