import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAnswers } from '../../../src/cli/feed/answers.ts';
import { formatCopy } from '../../../src/cli/feed/copy-view.ts';
import { formatEvents } from '../../../src/cli/feed/events.ts';
import { formatReviews } from '../../../src/cli/feed/reviews.ts';
import { formatStatus } from '../../../src/cli/feed/status.ts';
import type { StatusView } from '../../../src/cli/feed/status.ts';

const COPY = {
  to: 'labs',
  types: ['Patient', 'Observation'],
  owner: 'laboratory',
  position: 40,
  last: 40,
  waiting: 0,
  dead: 0,
};
const STATUS: StatusView = {
  interfaces: [],
  parked: [],
  held: false,
  answers: [],
  copies: [],
  subscribers: [],
  health: { ok: true, problems: [] },
};
const SUBSCRIBER = { name: 'portal', topic: 'patient-merge', told: 4, last: 4 };

let columns: string | undefined;

beforeEach(() => {
  columns = process.env['COLUMNS'];
  process.env['COLUMNS'] = '200';
});

afterEach(() => {
  if (columns === undefined) delete process.env['COLUMNS'];
  else process.env['COLUMNS'] = columns;
});

it('what never became a message stands in the status', () => {
  const counts = {
    received: 0,
    waiting: 0,
    processed: 0,
    duplicate: 0,
    superseded: 0,
    parked: 0,
    rejected: 0,
  };
  const nothing = { messages: 0, bytes: 0, connections: 0, handshakes: 0 };
  const lab = { name: 'lab', connections: 0, dropped: nothing, counts, conserved: true };
  expect(formatStatus({ ...STATUS, interfaces: [lab] })).not.toContain('Dropped');
  const dropped = { messages: 2, bytes: 1, connections: 3, handshakes: 4 };
  expect(formatStatus({ ...STATUS, interfaces: [{ ...lab, dropped }] }).replaceAll('\n', ' ')).toContain(
    'Dropped at lab and not acknowledged, since it was opened: 2 messages that broke off or were too long, 1 byte between messages, 3 connections beyond maxConnections, 4 failed TLS handshakes. The log says when, and whose.',
  );
});

describe('what is said of a copy', () => {
  it.each([
    [COPY, 'labs (Patient, Observation): in step.'],
    [
      { ...COPY, position: 12, waiting: 7, oldestSeconds: 90, trouble: 'It is away.' },
      'labs (Patient, Observation): event 12 of 40, 7 resources on the way (the oldest for 1 minute). PROBLEM: It is away.',
    ],
    [
      { ...COPY, dead: 2 },
      'labs (Patient, Observation): in step. 2 resources REFUSED, laboratory decides: ficus feed copies',
    ],
  ])('%#', (copy, words) => {
    expect(formatCopy(copy)).toBe(words);
  });

  it('and of subscribers stands in the status', () => {
    const told = formatStatus({ ...STATUS, copies: [COPY], subscribers: [SUBSCRIBER] });
    expect(told).toContain('Copy labs (Patient, Observation): in step.');
    expect(told).toContain('Subscriber portal (patient-merge): told 4 of 4 events.');
    const away = { ...SUBSCRIBER, told: 1, trouble: 'the receiver cannot be reached', troubleSeconds: 7_200 };
    expect(formatStatus({ ...STATUS, subscribers: [away] })).toContain(
      'told 1 of 4 events. PROBLEM for 2 hours: the receiver cannot be reached. It is tried again.',
    );
  });
});

describe('events of a topic', () => {
  it('are a line each', () => {
    const merge = { number: 3, kind: 'merged', type: 'Patient', id: 'old', other: 'new' };
    const events = [
      { ...merge, at: '2026-11-02T11:00:00.000Z' },
      { ...merge, number: 4, kind: 'unmerged', at: '2026-11-02T12:00:00.000Z' },
    ];
    const lines = formatEvents({ last: 4, events }).split('\n');
    expect(lines.at(-2)).toMatch(/^3 .*merged +Patient\/old +into Patient\/new/);
    expect(lines.at(-1)).toMatch(/^4 .*unmerged +Patient\/old +from Patient\/new/);
    expect(formatEvents({ last: 4, events: [] })).toBe('There are none. The last event is 4.');
  });
});

describe('ficus feed reviews', () => {
  it('says of each resource why, and between whom it is to be decided', () => {
    const why = 'came after the merge';
    const between = { restored: 'Patient/old', survivor: 'Patient/new' };
    const review = { message: 7, type: 'Observation', id: 'o3', why, ...between, owner: 'integration' };
    const lines = formatReviews([review]).split('\n');
    const cells = ['7', 'Observation/o3', why, 'Patient/old', 'Patient/new', 'integration'];
    expect(lines.at(-1)?.split(/ {2,}/)).toEqual(cells);
    const closed = { by: 'ada', reason: 'asked the ward', at: '2026-11-02T11:00:00.000Z' };
    expect(formatReviews([{ ...review, closed }, review]).split('\n')).toEqual([
      expect.stringContaining('message'),
      lines.at(-1),
      '    closed by ada, 2026-11-02 11:00 UTC: asked the ward',
      lines.at(-1),
    ]);
    expect(formatReviews([])).toBe('There are none.');
  });
});

describe('application acknowledgements', () => {
  const answered = { interface: 'adt', told: 4, lost: 0, owed: 0, dead: 0 };

  it('stand in the status where there are any', () => {
    const said = (...answers: StatusView['answers']): string => formatStatus({ ...STATUS, answers });
    expect(said({ ...answered, told: 0 })).not.toContain('acknowledgements');
    expect(said(answered)).toContain(
      'Application acknowledgements of adt: 4 told, 0 owed, 0 refused or given up, 0 lost.',
    );
    expect(
      said({ ...answered, owed: 2, dead: 1, oldestSeconds: 7_200, trouble: 'There is nobody.' }),
    ).toContain(
      '4 told, 2 owed (the oldest for 2 hours), 1 refused or given up, 0 lost. See: ficus feed answers PROBLEM: There is nobody. It is tried again.',
    );
  });

  it('that were not had are a line each', () => {
    const answer = {
      seq: 7,
      interface: 'adt',
      state: 'dead',
      code: 'AA',
      since: '2026-11-02T11:00:00.000Z',
      attempts: 3,
      reason: 'it was refused with CE',
      owner: 'integration',
      controlId: 'M1',
    };
    const [, line] = formatAnswers([answer]).split('\n');
    expect(line?.split(/ {2,}/)).toEqual([
      '7',
      'M1',
      'adt',
      'dead',
      'AA',
      '2026-11-02 11:00 UTC',
      '3',
      'integration',
      'it was refused with CE',
    ]);
    expect(formatAnswers([])).toBe('There are none.');
  });
});
