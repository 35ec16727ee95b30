import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { Route } from '../../../../src/ports.ts';
import { createReplays } from '../../../../src/strangler/experiment/replay.ts';
import type { ReplaysOptions } from '../../../../src/strangler/experiment/replay.ts';
import { answer } from '../../resilience/support.ts';
import { hung, parseNothing, person, piped, rig, route } from './support.ts';
import type { Script } from './support.ts';

const captured = (count: number) =>
  Array.from({ length: count }, (_, nth) => ({
    shape: nth % 2 === 0 ? 'read' : '_elements',
    asked: { interaction: 'read', type: 'Patient', id: `p${nth}`, pairs: [], handling: 'lenient' } as const,
  }));

function setUp(
  options: {
    readonly count?: number;
    readonly modern?: Script;
    readonly routes?: () => Route | undefined;
    readonly more?: Partial<ReplaysOptions>;
  } = {},
) {
  const { count = 10 } = options;
  const routes = options.routes ?? (() => route());
  const legacy: Script = ({ id = '' }) => answer(person({ id }));
  const modern: Script = options.modern ?? (({ id = '' }) => piped(person({ id })));
  const lab = rig({ legacy, modern });
  const fresh: string[] = [];
  const replays = createReplays({
    capture: { list: async () => captured(count) },
    experiment: lab.experiment,
    routeOf: routes,
    freshRun: async (endpoint, by) => void fresh.push(`${endpoint} ${by}`),
    parse: parseNothing,
    clock: lab.clock,
    log: { ...lab.log, debug() {}, info() {}, warn() {}, error() {}, child: () => null as never },
    ...options.more,
  });
  return { lab, replays, fresh };
}

const order = { endpoint: 'Patient.read', by: 'ana' } as const;

describe('a replay', () => {
  it('asks both sides what was captured, at its pace, and sums up', async () => {
    const modern: Script = ({ id = '' }) => piped(person(id === 'p3' ? { id, status: 'x' } : { id }));
    const { lab, replays } = setUp({ modern });
    const replay = await replays.start({ ...order, perSecond: 2 });
    await lab.end(2_000);
    expect(replay.progress()).toMatchObject({ state: 'running', total: 10 });
    expect(lab.legacy.asked.length).toBeLessThanOrEqual(5);
    await lab.end();
    expect(await replay.done).toEqual({
      id: replay.id,
      ...order,
      state: 'done',
      total: 10,
      asked: 10,
      matched: 9,
      different: { critical: 1, major: 0, minor: 0, noise: 0 },
      inFlight: 0,
      notComparable: 0,
      failed: 0,
      signatures: [{ signature: 'changed status', severity: 'critical', count: 1 }],
      startedAt: expect.any(Number) as number,
      endedAt: expect.any(Number) as number,
    });
    expect(lab.evidence.comparisons.map(({ source, shape, run }) => [source, shape, run])).toContainEqual([
      'replay',
      '_elements',
      3,
    ]);
  });

  it('asks as itself, within the budgets: it waits for its turn and skips nothing', async () => {
    const { lab, replays } = setUp({ count: 40 });
    const replay = await replays.start({ ...order, perSecond: 1_000 });
    await lab.end();
    expect(await replay.done).toMatchObject({ asked: 40, matched: 40 });
    expect(lab.evidence.skips).toEqual([]);
    expect(new Set(lab.modern.asked.map(({ context }) => context.principal.key))).toEqual(
      new Set(['ficus:replay']),
    );
  });

  it('has only so many under way, however fast it may go', async () => {
    const { lab, replays } = setUp({ count: 40, modern: hung });
    const replay = await replays.start({ ...order, perSecond: 1_000 });
    await lab.end(1_000);
    expect(lab.experiment.running).toBe(16);
    replay.abort();
    await lab.end(2_000);
    expect(await replay.done).toMatchObject({ state: 'aborted' });
  });

  it('asks so many at most', async () => {
    const { lab, replays } = setUp();
    const replay = await replays.start({ ...order, limit: 3 });
    await lab.end();
    expect(await replay.done).toMatchObject({ total: 3, asked: 3 });
  });

  it('begins the evidence anew when it is asked to', async () => {
    const { lab, replays, fresh } = setUp();
    await replays.start({ ...order, fresh: true });
    await lab.end();
    await replays.start(order);
    expect(fresh).toEqual(['Patient.read ana']);
    await lab.end();
  });

  it('counts what a failing side leaves without a verdict', async () => {
    const { lab, replays } = setUp({
      count: 3,
      modern: () => Promise.reject(new FicusError('unavailable', 'down')),
    });
    const replay = await replays.start(order);
    await lab.end();
    expect(await replay.done).toMatchObject({ asked: 3, matched: 0, notComparable: 3 });
  });

  it('counts what is not promised any more as failed, and goes on', async () => {
    const refuse = () => {
      throw new FicusError('parameter-unknown', 'gone');
    };
    const pairs = [['_elements', 'name']] as const;
    const list = async () => captured(4).map((it, nth) => ({ ...it, asked: { ...it.asked, pairs: nth === 1 ? pairs : [] } })); // prettier-ignore
    const { lab, replays } = setUp({ more: { capture: { list }, parse: refuse } });
    const replay = await replays.start(order);
    await lab.end();
    expect(await replay.done).toMatchObject({ asked: 4, matched: 3, failed: 1 });
  });

  it('can be aborted: what is under way is given up and counted', async () => {
    const { lab, replays } = setUp({ modern: hung });
    const replay = await replays.start(order);
    await lab.end(1_000);
    replay.abort();
    await lab.end(2_000);
    const ended = await replay.done;
    expect(ended.state).toBe('aborted');
    expect(ended.asked).toBe(ended.failed);
    expect(ended.asked).toBeLessThan(10);
    expect([lab.experiment.running, new Set(lab.evidence.skips)]).toEqual([0, new Set(['stopping'])]);
  });

  it('runs once an endpoint, is found by its id, and ends when Ficus stops', async () => {
    const { lab, replays } = setUp({ modern: hung });
    const [replay, second] = await Promise.allSettled([replays.start(order), replays.start(order)]);
    expect([replay.status, second]).toMatchObject(['fulfilled', { reason: { code: 'conflict' } }]);
    await expect(replays.start(order)).rejects.toMatchObject({ code: 'conflict' });
    const [progress] = replays.list();
    expect(replays.get(progress!.id)?.progress()).toEqual(progress);
    const stopped = replays.stop();
    await lab.end(2_000);
    await stopped;
    expect(replays.list()).toMatchObject([{ state: 'aborted' }]);
  });

  it.each([
    ['nobody signs', { by: ' ' }, {}, 'value-required'],
    ['the limit is none', { limit: 0 }, {}, 'value-invalid'],
    ['the pace is none', { perSecond: 0 }, {}, 'value-invalid'],
    ['there is no such endpoint', {}, { routes: (): undefined => undefined }, 'not-found'],
    ['it has one side', {}, { routes: () => route({ stage: 'retired' }) }, 'unprocessable'],
    ['nothing is captured', {}, { count: 0 }, 'unprocessable'],
  ] as const)('is refused when %s', async (_name, asked, options, code) => {
    const { replays } = setUp(options);
    await expect(replays.start({ ...order, ...asked })).rejects.toMatchObject({ code });
    expect(replays.list()).toEqual([]);
  });
});
