import { describe, expect, it } from 'vitest';
import type { Core } from '../../../../../adapters/hl7v2/source/core.ts';
import { deliver } from '../../../../../adapters/hl7v2/source/deliver.ts';
import type { Outgoing } from '../../../../../adapters/hl7v2/source/line.ts';
import { systemClock } from '../../../../../src/clock.ts';
import { FicusError, type ErrorCode } from '../../../../../src/errors.ts';
import type { RequestContext } from '../../../../../src/ports.ts';

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const WRITE = { purpose: 'write', controlId: 'C1', bytes: Buffer.from('x') } as Outgoing;

/** What the core does with each copy, in turn, and what asking says, in turn: `found`, `absent`, or an error. */
async function run(
  copies: readonly (ErrorCode | 'AA')[],
  asks: readonly (ErrorCode | 'found' | 'absent')[],
  doubtful = false,
) {
  const steps: string[] = [];
  const [copy, asked] = [copies.values(), asks.values()];
  const line = {
    send: async () => {
      const said = copy.next().value ?? 'internal';
      steps.push(`sent: ${said}`);
      if (said !== 'AA') throw new FicusError(said, said);
      return { message: {}, empty: false };
    },
  };
  const core = { line, clock: systemClock } as unknown as Core;
  const context = {
    deadline: systemClock.now() + 700,
    signal: AbortSignal.timeout(2_000),
    log,
  } as unknown as RequestContext;
  const askAfter = async () => {
    const said = asked.next().value ?? 'unavailable';
    steps.push(`asked: ${said}`);
    if (said === 'found') return 'it';
    if (said === 'absent') return undefined;
    throw new FicusError(said, said);
  };
  const outcome = await deliver(
    WRITE,
    asks.length > 0 ? askAfter : undefined,
    core,
    context,
    doubtful ? 'ask-then-send' : undefined,
  ).then(
    ({ how }) => how,
    (error: unknown) => (error as FicusError).code,
  );
  return { outcome, steps };
}

describe('delivering a write', () => {
  // A new case is a row: the copies' fates, what asking says, how it ends, what was done (undefined: any number of questions).
  it.each<[string, Parameters<typeof run>, string, readonly string[]]>([
    ['acknowledged', [['AA'], ['found']], 'acknowledged', ['sent: AA']],
    ['refused', [['locked'], ['found']], 'locked', ['sent: locked']],
    ['not sent', [['unavailable'], ['found']], 'unavailable', ['sent: unavailable']],
    [
      'unknown, and there',
      [['outcome-unknown'], ['found']],
      'found',
      ['sent: outcome-unknown', 'asked: found'],
    ],
    [
      'unreadable, and there',
      [['legacy-malformed'], ['found']],
      'found',
      ['sent: legacy-malformed', 'asked: found'],
    ],
    [
      'unknown, and not there: once more',
      [['outcome-unknown', 'AA'], ['absent']],
      'acknowledged',
      ['sent: outcome-unknown', 'asked: absent', 'sent: AA'],
    ],
    [
      'unknown, and the question fails: asked again before anything is sent',
      [
        ['outcome-unknown', 'AA'],
        ['unavailable', 'timeout', 'absent'],
      ],
      'acknowledged',
      ['sent: outcome-unknown', 'asked: unavailable', 'asked: timeout', 'asked: absent', 'sent: AA'],
    ],
    [
      'the second copy is a duplicate: the first arrived after all',
      [
        ['outcome-unknown', 'duplicate'],
        ['absent', 'found'],
      ],
      'found',
      ['sent: outcome-unknown', 'asked: absent', 'sent: duplicate', 'asked: found'],
    ],
    [
      'the second copy is refused',
      [['outcome-unknown', 'value-invalid'], ['absent']],
      'value-invalid',
      ['sent: outcome-unknown', 'asked: absent', 'sent: value-invalid'],
    ],
    [
      'the second copy is unknown, too, but there',
      [
        ['outcome-unknown', 'outcome-unknown'],
        ['absent', 'absent', 'found'],
      ],
      'found',
      ['sent: outcome-unknown', 'asked: absent', 'sent: outcome-unknown', 'asked: absent', 'asked: found'],
    ],
    [
      'it waited in the queue: one more wait',
      [['timeout', 'AA'], ['found']],
      'acknowledged',
      ['sent: timeout', 'sent: AA'],
    ],
    [
      'it waited in the queue twice',
      [['timeout', 'timeout'], ['found']],
      'timeout',
      ['sent: timeout', 'sent: timeout'],
    ],
    [
      'unknown, and nobody can be asked',
      [['outcome-unknown'], []],
      'outcome-unknown',
      ['sent: outcome-unknown'],
    ],
    [
      'unreadable, and nobody can be asked',
      [['legacy-malformed'], []],
      'outcome-unknown',
      ['sent: legacy-malformed'],
    ],
    ['in doubt, and there', [[], ['found'], true], 'found', ['asked: found']],
    ['in doubt, and not there', [['AA'], ['absent'], true], 'acknowledged', ['asked: absent', 'sent: AA']],
    [
      'in doubt, and the question fails at first',
      [['AA'], ['unavailable', 'absent'], true],
      'acknowledged',
      ['asked: unavailable', 'asked: absent', 'sent: AA'],
    ],
    [
      'in doubt, and the earlier one arrived after the question',
      [['duplicate'], ['absent', 'found'], true],
      'found',
      ['asked: absent', 'sent: duplicate', 'asked: found'],
    ],
    [
      'in doubt, not there, and refused',
      [['value-invalid'], ['absent'], true],
      'value-invalid',
      ['asked: absent', 'sent: value-invalid'],
    ],
    ['in doubt, and nobody can be asked', [[], [], true], 'outcome-unknown', []],
  ])('%s', async (_what, fates, outcome, steps) => {
    expect(await run(...fates)).toEqual({ outcome, steps });
  });

  it('that is in doubt and cannot be asked after in time stays unknown, and is not sent', async () => {
    const silent = Array.from({ length: 50 }, () => 'unavailable' as const);
    const { outcome, steps } = await run(['AA'], silent, true);
    expect(outcome).toBe('outcome-unknown');
    expect(steps.filter((step) => step.startsWith('sent'))).toEqual([]);
  });

  it('is unknown when time is up, and was sent twice at most', async () => {
    const { outcome, steps } = await run(
      ['outcome-unknown', 'outcome-unknown'],
      Array.from({ length: 50 }, () => 'absent' as const),
    );
    expect(outcome).toBe('outcome-unknown');
    expect(steps.filter((step) => step.startsWith('sent'))).toHaveLength(2);
  });
});
