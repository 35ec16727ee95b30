import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatJob } from '../../../src/cli/migrate/backfill.ts';
import { formatBoard, formatEndpoint } from '../../../src/cli/migrate/board.ts';
import type { BoardRow } from '../../../src/cli/migrate/board.ts';
import { formatDiffs } from '../../../src/cli/migrate/differences.ts';
import { formatReplay } from '../../../src/cli/migrate/evidence.ts';
import { formatLedger, formatOutbox } from '../../../src/cli/migrate/outbox.ts';
import { formatDrift } from '../../../src/cli/migrate/reconcile.ts';
import { hanging } from '../../../src/cli/text.ts';

const SINCE = '2026-03-01T08:00:00.000Z';
const NONE = { legacy: 0, modern: 0 };
const ROW: BoardRow = {
  endpoint: 'Observation.search',
  stage: 'shadow',
  since: SINCE,
  modern: 'labs',
  owed: NONE,
};
const LEDGER = {
  accepted: 3,
  repaired: 1,
  delivered: 2,
  superseded: 1,
  discarded: 0,
  refused: 5,
  pending: 1,
  dead: 0,
  intended: 0,
  doubtful: 0,
  unanswered: 0,
  balanced: true,
  leftOut: {},
};

let columns: string | undefined;

beforeEach(() => {
  columns = process.env['COLUMNS'];
  process.env['COLUMNS'] = '100';
});

afterEach(() => {
  if (columns === undefined) delete process.env['COLUMNS'];
  else process.env['COLUMNS'] = columns;
});

describe('lines for a terminal', () => {
  it('break at spaces, and go on under their first word', () => {
    expect(hanging('- ', 'one two three four', 24)).toBe('- one two three four');
    expect(hanging('-- ', 'one two three four five six', 23)).toBe('-- one two three four\n   five six');
  });

  it('leave a word whole that is wider than they are', () => {
    expect(hanging('', `a ${'x'.repeat(40)} b`, 20)).toBe(`a\n${'x'.repeat(40)}\nb`);
  });
});

describe('the board', () => {
  it('says the time as UTC, what the next step needs, and how many endpoints are where', () => {
    const waits = {
      ...ROW,
      comparisons: 1_200,
      criticals: 0,
      next: 'canary 5 %',
      verdict: 'insufficient' as const,
    };
    const text = formatBoard([
      { ...waits, waitsFor: ['patients: 12 more patients must be among those compared.'] },
    ]);
    expect(text.split('\n')).toEqual([
      'ENDPOINT            STAGE   SINCE (UTC)       COMPARED  CRITICAL  OWED  NEXT',
      'Observation.search  shadow  2026-03-01 08:00  1,200     0         -     canary 5 %: needs evidence',
      '    patients: 12 more patients must be among those compared.',
      '',
      '1 endpoint: legacy 0, shadow 1, canary 0, modern 0, retired 0.',
      'One with all its gates: ficus migrate show ENDPOINT',
    ]);
  });

  it('says once who holds an endpoint', () => {
    const held = { by: 'Ada', at: SINCE, reason: 'the weekend' };
    const text = formatBoard([
      { ...ROW, next: 'canary 5 %', verdict: 'fail', held, waitsFor: ['hold: Held by Ada'] },
    ]);
    expect(text).toContain('canary 5 %: held\n    held by Ada since 2026-03-01 08:00 UTC: the weekend\n\n');
  });

  it('shows no comparisons of writes', () => {
    const text = formatBoard([{ ...ROW, endpoint: 'Appointment.create', comparisons: 0, criticals: 0 }]);
    expect(text).toMatch(/Appointment\.create  shadow  2026-03-01 08:00  -         -         -     -/);
  });

  it('puts what blocks first, and the command that goes on last', () => {
    const route = {
      endpoint: ROW.endpoint,
      stage: 'modern',
      legacy: 'core',
      modern: 'labs',
      since: SINCE,
      version: 7,
    };
    const gate = (name: string, verdict: 'pass' | 'fail') => ({ name, verdict, words: `${name} it is.` });
    const open = { step: 'retired', open: true, gates: [gate('owners', 'pass')] };
    expect(formatEndpoint({ route, owed: NONE, next: open })).toContain(
      'ficus migrate retire Observation.search',
    );
    const shut = { ...open, open: false, gates: [gate('owners', 'pass'), gate('errors', 'fail')] };
    const text = formatEndpoint({ route, owed: NONE, next: shut });
    expect(text.indexOf('FAIL  errors')).toBeLessThan(text.indexOf('PASS  owners'));
    expect(text).toContain('Held back by 1 gate.');
  });
});

describe('differences', () => {
  it('stay within a hundred columns, with rule, noise floor and sample', () => {
    const rule = { verdict: 'bug-in-modern', owner: 'Grace', expiresAt: '2026-04-01T08:00:00.000Z' };
    const text = formatDiffs({
      endpoint: ROW.endpoint,
      run: 2,
      comparisons: { compared: 1_000, alike: 950, critical: 12, major: 3, inFlight: 4, notComparable: 5 },
      differences: [
        {
          signature: 'changed Observation.valueQuantity.unit',
          severity: 'critical',
          count: 12,
          lastSeen: SINCE,
          rule,
          samples: ['8abd6b14-e761-4c56-9b6d-476911dc1734'],
          inFloor: 2,
        },
      ],
    });
    expect(text).toContain(
      '1,000 compared: 950 alike, 12 with a critical difference, 3 with a major one, 35 with less.',
    );
    expect(text).toContain('CRITICAL  12  changed Observation.valueQuantity.unit');
    for (const words of [
      'bug-in-modern (Grace, until 2026-04-01)',
      '2 times also between two answers of legacy',
      'sample',
    ])
      expect(text.replaceAll(/\s+/g, ' ')).toContain(words);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('are none before anything was compared', () => {
    const text = formatDiffs({ endpoint: ROW.endpoint, run: 2, comparisons: {}, differences: [] });
    expect(text).toBe('Observation.search, evidence of run 2\nNothing was compared yet.\nNo differences.');
  });

  it('of a replay are counted where there are some', () => {
    const replay = { id: 'x', total: 40, asked: 40, inFlight: 1, notComparable: 0, failed: 0 };
    const different = { critical: 2, major: 0, minor: 0, noise: 0 };
    expect(formatReplay({ ...replay, state: 'done', matched: 37, different })).toBe(
      '40 captured requests asked again: 37 alike, 2 with a critical difference, 1 in flight.',
    );
    expect(
      formatReplay({ ...replay, state: 'aborted', asked: 10, inFlight: 0, matched: 10, different: {} }),
    ).toBe('10 captured requests asked again: 10 alike. Broken off: 40 were captured.');
  });
});

describe('writes', () => {
  it('have a balance that says so when it does not hold', () => {
    expect(formatLedger(LEDGER)).toContain(
      '3 accepted + 1 repaired = 2 delivered, 1 superseded by a newer state',
    );
    expect(formatLedger(LEDGER)).not.toContain('DIFFER');
    expect(formatLedger({ ...LEDGER, balanced: false })).toContain('THE TWO SIDES OF THIS SUM DIFFER');
    expect(formatLedger({ ...LEDGER, leftOut: { 'Appointment.comment': 4 } })).toContain(
      'Appointment.comment (4)',
    );
  });

  it('that wait for a decision say whose it is and how it is made', () => {
    const entry = {
      id: 'e1',
      endpoint: 'Appointment.create',
      from: 'modern',
      toward: 'legacy',
      state: 'dead',
      attempts: 3,
      acceptedAt: SINCE,
      lastError: 'the legacy side answered with HTTP status 422',
      owner: 'scheduling',
    };
    const text = formatOutbox([entry], LEDGER);
    expect(text).toContain(
      'modern -> legacy; DEAD, waits for a decision; 3 failed attempts; owner scheduling',
    );
    expect(text).toContain('ficus migrate outbox retry ENTRY, or discard ENTRY');
  });

  it('of a fill that found nothing are not told as a success only', () => {
    const job = {
      id: 'j',
      endpoint: 'Appointment.search',
      total: 2,
      done: 2,
      skipped: 0,
      failures: [],
    } as const;
    expect(formatJob({ ...job, state: 'done', resources: 0 })).toContain('Are these FHIR ids');
    expect(formatJob({ ...job, state: 'done', resources: 4 })).toBe(
      'Filled: 2 of 2 patients, 4 resources brought, 0 failures.',
    );
    expect(formatJob({ ...job, state: 'stopped', done: 1, resources: 4 })).toContain('--resume j');
  });

  it('that differ come with the command that mends them', () => {
    const report = {
      endpoint: 'Appointment.create',
      at: SINCE,
      state: 'done',
      checked: 3,
      same: 2,
      inFlight: 0,
      unreadable: 0,
      different: 1,
      missing: { legacy: 1, modern: 0 },
      drift: [{ id: 'a1', missingOn: 'legacy', signatures: [], owner: 'scheduling' }],
      writes: { accepted: 3, legacy: 2, modern: 3 },
      repaired: 0,
    } as const;
    expect(formatDrift({ ...report, repair: 'no' })).toContain('--repair dry-run');
    expect(formatDrift({ ...report, repair: 'dry-run', repaired: 1 })).toContain('--repair apply');
    expect(formatDrift({ ...report, repair: 'apply', repaired: 1 })).not.toContain('Mend:');
    expect(formatDrift({ ...report, repair: 'no' })).toContain('  a1: not in legacy (scheduling)');
  });
});
