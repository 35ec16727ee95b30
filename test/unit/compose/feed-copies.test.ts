import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createFeedCopies } from '../../../src/compose/feed/copies.ts';
import type { CopiesOptions } from '../../../src/compose/feed/copies.ts';
import type { Copy } from '../../../src/events/feed/copy/copy.ts';
import { createLogger } from '../../../src/log.ts';
import type { Replica } from '../../../src/replica-ports.ts';
import { openFollowerStore } from '../../../src/store/followers.ts';
import { createService, createTold, isDone, until } from '../events/feed/copy/support.ts';

/* Which resources of the projection go to a modern service: not those that the service made or wrote itself, and that came back through legacy. */

const NONE: CopiesOptions['origins'] = {
  sealer: { open: (_, id) => `OBS|${id}` },
  crosswalk: { assignedId: () => undefined },
  replicas: { find: async () => undefined },
  pins: { behind: () => false },
};

let copy: Copy | undefined;

afterEach(() => copy?.stop());

async function sent(origins: Partial<CopiesOptions['origins']>, hashed?: string): Promise<readonly string[]> {
  const [told, service] = [createTold(), createService()];
  told.change('Observation/a', 'p');
  const reading = {
    read: (type: string, id: string) => told.current(type, id),
    hashed: () => (hashed === undefined ? undefined : { type: 'Observation', key: hashed }),
  };
  const [one] = createFeedCopies([{ to: 'modern', types: ['Observation'], owner: 'laboratory' }], {
    delivery: { concurrency: 1, firstRetryMs: 1, maxRetryMs: 2, attempts: 3 },
    record: {
      log: () => ({ ...told.log, cursor: () => 0, advance: () => {} }),
      reading: () => reading as unknown as ReturnType<CopiesOptions['record']['reading']>,
    },
    store: openFollowerStore(':memory:'),
    backends: new Map([['modern', { backend: service.backend }]]),
    origins: { ...NONE, ...origins },
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
  });
  copy = one!.copy;
  copy.start();
  await until(isDone(copy));
  return service.received;
}

const replica = (from: Replica['from']) => ({
  find: async (type: string, id: string): Promise<Replica> => ({ type, id, from, at: 0 }),
});

describe('a resource of the feed', () => {
  it('goes to the modern service', async () => {
    expect(await sent({})).toEqual(['Observation/a v1']);
  });

  it('goes there when legacy wrote it last, through Ficus or not', async () => {
    expect(await sent({ replicas: replica('legacy') })).toEqual(['Observation/a v1']);
  });

  it('stays when modern wrote it last', async () => {
    expect(await sent({ replicas: replica('modern') })).toEqual([]);
  });

  it('stays when it is there under the id that modern gave it', async () => {
    const assignedId = (type: string, key: string) =>
      type === 'Observation' && key === 'OBS|a' ? 'of-modern' : undefined;
    expect(await sent({ crosswalk: { assignedId } })).toEqual([]);
  });

  it('stays then also when its key is too long for its id', async () => {
    const assignedId = (_: string, key: string) => (key === 'OBS|long' ? 'of-modern' : undefined);
    expect(await sent({ sealer: { open: () => undefined }, crosswalk: { assignedId } }, 'OBS|long')).toEqual(
      [],
    );
  });

  it('waits until legacy has been told what modern took of the same patient', async () => {
    let asked = 0;
    const behind = (side: string, { patient }: { readonly patient?: string }) =>
      side === 'legacy' && patient === 'p' && (asked += 1) < 4;
    expect(await sent({ pins: { behind } })).toEqual(['Observation/a v1']);
    expect(asked).toBe(4);
  });
});
