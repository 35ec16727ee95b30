import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DifferenceRule } from '../../../src/migration-ports.ts';
import type { Route } from '../../../src/ports.ts';
import { judge } from '../../../src/strangler/gates/gates.ts';
import { evidencePack } from '../../../src/strangler/gates/report.ts';
import type { EvidencePack } from '../../../src/strangler/gates/report.ts';
import { packMarkdown } from '../../../src/strangler/gates/report-markdown.ts';
import { addCall, addComparison, addSkipped, createTally } from '../../../src/strangler/gates/tally.ts';
import type { Tally } from '../../../src/strangler/gates/tally.ts';
import { addTraffic } from '../../../src/strangler/gates/traffic.ts';
import type { Waiver } from '../../../src/strangler/gates/waiver.ts';
import {
  call,
  comparison,
  DAY,
  difference,
  different,
  HOUR,
  LIMITS,
  observed,
  ROUTE,
  START,
} from '../../unit/strangler/gates/support.ts';

const NOW = START + 8 * DAY;
const first: Route = {
  ...ROUTE,
  stage: 'legacy',
  run: 1,
  version: 1,
  updatedBy: 'config',
  reason: 'first start',
  since: '2026-02-01T08:00:00.000Z',
  updatedAt: '2026-02-01T08:00:00.000Z',
};
const again: Route = {
  ...ROUTE,
  run: 3,
  version: 3,
  updatedAt: '2026-03-01T08:00:00.000Z',
  reason: 'a fresh run: the unit | was <mended>',
};

const rule: DifferenceRule = {
  id: 'rule-1',
  endpoint: 'Observation.search',
  signature: 'order Bundle.entry',
  verdict: 'acceptable',
  owner: 'labs team',
  by: 'ana',
  reason: 'no order was promised',
  createdAt: '2026-03-01T09:00:00.000Z',
  expiresAt: '2026-06-01T00:00:00.000Z',
};
const waiver: Waiver = {
  endpoint: 'Observation.search',
  gate: 'latency',
  by: 'ana',
  reason: 'the link is upgraded on Friday',
  at: '2026-03-02T08:00:00.000Z',
  until: '2026-03-20T00:00:00.000Z',
};

/** An endpoint in its second week of shadow: a run that failed on a unit, a fresh one that is nearly there. */
function pack(): EvidencePack {
  const before = createTally('Observation.search', 2);
  for (let index = 0; index < 300; index += 1) {
    const bad = index % 100 === 7 ? different(difference()) : {};
    addComparison(
      before,
      comparison({
        ...bad,
        at: START - 5 * DAY + index * HOUR * 0.1,
        request: `r-${index}`,
        patient: `p-${index % 40}`,
      }),
    );
  }
  const seen = observed(840, 8 * DAY);
  const tally = { ...seen.tally, run: 3 };
  const order = difference({
    severity: 'noise',
    kind: 'order',
    path: 'Bundle.entry',
    signature: 'order Bundle.entry',
    rule: 'rule-1',
  });
  const display = difference({
    severity: 'minor',
    path: 'Observation.code.coding.display',
    signature: 'changed Observation.code.coding.display',
  });
  for (let index = 0; index < 6; index += 1)
    addComparison(
      tally,
      comparison({
        ...different(order, ...(index < 2 ? [display] : [])),
        at: NOW - HOUR + index * 60_000,
        request: `o-${index}`,
      }),
    );
  addComparison(tally, comparison({ source: 'replay', at: NOW - HOUR, request: 'q-1' }));
  addComparison(tally, comparison({ verdict: 'in-flight', at: NOW - HOUR }));
  addComparison(tally, comparison({ verdict: 'not-comparable', why: 'too large', at: NOW - HOUR }));
  addSkipped(tally, 'concurrency');
  addTraffic(seen.traffic, call({ shape: '', at: START + DAY }));
  const owed = { legacy: { count: 0, dead: 0, oldestMs: 0 }, modern: { count: 2, dead: 0, oldestMs: 1_400 } };
  const contract = {
    backend: 'labs',
    at: START,
    endpoints: ['Observation.search'] as const,
    passed: 12,
    failed: [],
  };
  const drift = { at: START + 7 * DAY, checked: 1_200, differences: 0 };
  const gates = judge({
    route: again,
    to: { stage: 'canary', percent: 5 },
    tally,
    traffic: seen.traffic,
    limits: LIMITS,
    owed,
    replicated: true,
    drift,
    contract,
    waivers: [waiver],
    now: NOW,
  });
  const intoShadow = judge({
    route: first,
    to: { stage: 'shadow' },
    tally: undefined,
    traffic: undefined,
    limits: LIMITS,
    owed,
    replicated: true,
    drift: undefined,
    contract,
    waivers: [],
    now: Date.parse('2026-02-24T08:00:00.000Z'),
  });
  return evidencePack({
    history: [first, { ...ROUTE, updatedAt: '2026-02-24T08:00:00.000Z' }, again],
    gates,
    runs: [before, tally],
    traffic: seen.traffic,
    steps: [{ endpoint: 'Observation.search', version: 2, report: intoShadow }],
    rules: [rule],
    waivers: [waiver],
    owed,
    delivered: { legacy: 0, modern: 412 },
    drift,
    contract,
    limits: LIMITS,
    now: NOW,
  });
}

/** A pack of its history and its runs alone. */
function packOf(history: readonly Route[], runs: readonly Tally[] = []): EvidencePack {
  const none = { count: 0, dead: 0, oldestMs: 0 };
  return evidencePack({
    history,
    runs,
    traffic: undefined,
    steps: [],
    rules: [],
    waivers: [],
    owed: { legacy: none, modern: none },
    drift: undefined,
    contract: undefined,
    limits: LIMITS,
    now: NOW,
  });
}

describe('the evidence pack', () => {
  it('reads as it should in Markdown', async () => {
    await expect(packMarkdown(pack())).toMatchFileSnapshot('observation-search.md');
  });

  it('holds the same as JSON', () => {
    const golden = readFileSync(new URL('observation-search.json', import.meta.url), 'utf8');
    expect(JSON.parse(JSON.stringify(pack()))).toEqual(JSON.parse(golden));
  });

  it('is made of a route that nothing was seen of, too', () => {
    const empty = packOf([first]);
    expect(empty).toMatchObject({ before: [], shapes: [], allRuns: { count: 0, chanceOfBeingWrong: 0 } });
    expect(packMarkdown(empty)).toContain('Nothing was seen in it yet.');
  });

  it('names what was done to a route that did not move', () => {
    const hold = { by: 'ana', at: '2026-03-03T08:00:00.000Z', reason: 'holiday' };
    const steps: Partial<Route>[] = [
      { ...ROUTE },
      { hold },
      { hold: { ...hold, reason: 'longer' } },
      {},
      { owners: { technical: 'labs team', clinical: 'somebody else' } },
      {},
      { cohort: { percent: 5, facilities: ['EAST'] } },
      { run: 5 },
      { stage: 'canary', cohort: { percent: 5 } },
      { stage: 'canary', cohort: { percent: 25 } },
      { stage: 'canary', cohort: { percent: 25, clients: ['kiosk'] } },
      { stage: 'modern', cohort: { percent: 25 }, retirement: hold },
      { stage: 'modern', cohort: { percent: 25 }, retirement: { ...hold, by: 'ben' } },
    ];
    const kept = ['owners', 'cohort', 'run'] as const;
    const history = steps.reduce<Route[]>((all, step, nth) => {
      const last = all.at(-1) ?? ROUTE;
      const before = Object.fromEntries(kept.flatMap((name) => (name in last ? [[name, last[name]]] : [])));
      return [...all, { ...ROUTE, stage: last.stage, ...before, ...step, version: nth + 1 }];
    }, []);
    expect(packOf(history).history.map(({ step, to }) => step ?? to.stage)).toEqual([
      'shadow',
      'held',
      'held',
      'released',
      'owners changed',
      'note',
      'cohort changed',
      'evidence counted anew',
      'canary',
      'canary',
      'cohort changed',
      'modern',
      'retirement approved',
    ]);
  });

  it('shows of a retired endpoint the run that led to it', () => {
    const modern: Route = { ...ROUTE, stage: 'modern', run: 2, version: 2 };
    const retired: Route = { ...ROUTE, stage: 'retired', run: 3, version: 3 };
    const led = observed(840, 8 * DAY).tally;
    const alone = packOf([modern, retired], [led]);
    expect(alone).toMatchObject({ ledBy: { run: 2, trials: 840 } });
    expect(packMarkdown(alone)).toMatch(
      /Nothing was seen in it yet\.\n\n## Evidence of the run that led to it \(run 2\)\n\n840 comparisons/,
    );
    const since = { ...createTally('Observation.search', 3) };
    expect(packOf([modern, retired], [led, since])).toMatchObject({ current: { run: 3 }, ledBy: { run: 2 } });
    expect(packOf([first, modern], [createTally('Observation.search', 1), led])).not.toHaveProperty('ledBy');
  });

  it('says of a canary whom modern answers, and of patients how many, in JSON too', () => {
    const patients = ['acpgkwf7qnug22eikrnv5snil4seysligluea5bn6ppua'];
    const shadow: Route = { ...ROUTE, version: 1 };
    const wide: Route = {
      ...ROUTE,
      stage: 'canary',
      cohort: { percent: 10, within: { facilities: ['EAST'] } },
      version: 2,
    };
    const one: Route = { ...wide, cohort: { percent: 0, patients }, version: 3 };
    const more: Route = { ...wide, cohort: { percent: 0, patients, clients: ['kiosk'] }, version: 4 };
    const canary = packOf([shadow, wide, one, more]);
    expect(canary.history.map(({ cohort }) => cohort)).toEqual([
      undefined,
      '10 % of facility EAST',
      '0 %, and 1 patient',
      '0 %, and client kiosk, 1 patient',
    ]);
    const text = packMarkdown(canary);
    expect(text).toContain('| stage | canary 0 %, and client kiosk, 1 patient since');
    expect(text).toContain('| shadow to canary 10 % of facility EAST |');
    expect(text).toContain('| canary 10 % of facility EAST to canary 0 %, and 1 patient |');
    expect(text).toContain('| cohort changed to 0 %, and client kiosk, 1 patient |');
    expect(text + JSON.stringify(canary)).not.toContain(patients[0]);
  });

  it('says of a write that nothing compares its answers, and gives no rate of what was not looked for', () => {
    const written: Route = { ...ROUTE, endpoint: 'Appointment.create', run: 2, version: 2 };
    const former = createTally('Appointment.create', 1);
    addCall(former, call({ endpoint: 'Appointment.create', run: 1, ok: false }));
    const runs = [former, createTally('Appointment.create', 2)];
    const text = packMarkdown(packOf([{ ...written, run: 1, version: 1 }, written], runs));
    expect(text).toContain('| run | calls of clients | failed |\n| --- | --- | --- |\n| 1 | 1 | 1 |');
    expect(text).toContain('Answers to writes are not compared.');
    expect(text).toContain('- Nothing compares the answers to writes; what both sides hold is compared.');
    expect(text).not.toMatch(/rate of critical|bound on critical|Parity|### Differences/);
  });

  it('knows nothing of a rate without a comparison', () => {
    const text = packMarkdown(packOf([ROUTE], [createTally('Observation.search', ROUTE.run)]));
    expect(text).toContain('No comparison yet: nothing is known of the rate of critical differences.');
    expect(text).not.toContain('100 %');
  });

  it('names no patient, no request and no hash of one', () => {
    const text = packMarkdown(pack()) + JSON.stringify(pack());
    expect(text).not.toMatch(/\b[pr]-\d/);
  });
});
