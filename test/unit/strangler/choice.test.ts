import { describe, expect, it } from 'vitest';
import type { FhirRequest, Principal, Route, Stage } from '../../../src/ports.ts';
import { chooseSide } from '../../../src/strangler/choice.ts';
import { backendNameOf } from '../../../src/strangler/router.ts';
import { byIdentifier, create, query, read, search, update } from '../resilience/support.ts';
import { createPins, route } from './support.ts';
import type { Missing } from './support.ts';

const cohortKey = new Uint8Array(32).fill(1);
const anyone: Principal = { key: 'anonymous' };

const about = (patient: string): FhirRequest =>
  search(
    query('Observation', {
      name: 'patient',
      type: 'reference',
      values: [{ text: `Patient/${patient}`, refType: 'Patient', refId: patient }],
    }),
  );
const everybody = search(query('Observation', { name: 'code', type: 'token', values: [{ text: 'x' }] }));
const one = read('o1', { type: 'Observation' });
const written = create({
  type: 'Observation',
  resource: { resourceType: 'Observation', subject: { reference: 'Patient/p1' } },
});
const unowned = create({ type: 'Observation', resource: { resourceType: 'Observation' } });
const page = (token: string, applied: readonly (readonly [string, string])[] = []): FhirRequest => ({
  ...everybody,
  query: { ...query('Observation'), page: token, applied },
});

const legacyMissed: Missing = { side: 'legacy', endpoint: 'Observation.create', id: 'o1', patient: 'p1' };
const modernMissed: Missing = { ...legacyMissed, side: 'modern' };
const both = [legacyMissed, modernMissed];
const P1 = { percent: 0, patients: ['p1'] };

describe('the side of a request', () => {
  it.each<[Stage, string]>([
    ['legacy', 'core'],
    ['shadow', 'core'],
    ['canary', 'core'],
    ['modern', 'labs'],
    ['retired', 'labs'],
  ])('in %s is %s for whoever is in no cohort', (stage, name) => {
    const chosen = route({ stage });
    expect(chosen[chooseSide(chosen, one, anyone, { cohortKey })]).toBe(name);
    expect(chosen[chooseSide(chosen, one, anyone, undefined)]).toBe(name);
    const table = { get: () => chosen };
    expect(backendNameOf(table, one)).toBe(name);
    expect(backendNameOf(table, one, anyone, { cohortKey })).toBe(name);
  });

  it.each<[string, Partial<Route>, FhirRequest, Partial<Principal>, 'legacy' | 'modern']>([
    ['a patient of the cohort', { cohort: P1 }, about('p1'), {}, 'modern'],
    ['another patient', { cohort: P1 }, about('p2'), {}, 'legacy'],
    ['a write for a patient of the cohort', { cohort: P1 }, written, {}, 'modern'],
    [
      'a client of the cohort',
      { cohort: { percent: 0, clients: ['kiosk'] } },
      one,
      { client: 'kiosk' },
      'modern',
    ],
    ['a facility', { cohort: { percent: 0, facilities: ['E'] } }, one, { facility: 'E' }, 'modern'],
    ['a tester who wants modern', { cohort: { percent: 0 } }, one, { side: 'modern' }, 'modern'],
    ['a tester who wants legacy', { cohort: { percent: 100 } }, one, { side: 'legacy' }, 'legacy'],
    ['a tester where nobody is in', {}, one, { side: 'modern' }, 'modern'],
    ['everybody at 100', { cohort: { percent: 100 } }, one, {}, 'modern'],
  ])('in canary is that of the cohort: %s', (_name, more, request, who, side) => {
    const canary = route({ stage: 'canary', ...more });
    expect(chooseSide(canary, request, { ...anyone, ...who }, { cohortKey })).toBe(side);
  });

  it.each<Stage>(['legacy', 'shadow', 'modern', 'retired'])(
    'in %s is not for a tester to choose, nor the cohort’s',
    (stage) => {
      const chosen = route({ stage, cohort: { percent: 50, patients: ['p1'] } });
      const plain = chooseSide(chosen, about('p1'), anyone, { cohortKey });
      for (const side of ['legacy', 'modern'] as const)
        expect(chooseSide(chosen, about('p1'), { ...anyone, side }, { cohortKey })).toBe(plain);
    },
  );

  it.each<[string, Stage, Missing[], FhirRequest, 'legacy' | 'modern']>([
    ['legacy has seen all', 'shadow', [], about('p1'), 'legacy'],
    ['legacy has missed one of the patient', 'shadow', [legacyMissed], about('p1'), 'modern'],
    ['legacy has missed one of another', 'shadow', [legacyMissed], about('p2'), 'legacy'],
    ['legacy has missed that resource', 'shadow', [legacyMissed], one, 'modern'],
    [
      'legacy has missed another resource',
      'shadow',
      [legacyMissed],
      read('o2', { type: 'Observation' }),
      'legacy',
    ],
    ['legacy has missed any, and no patient is named', 'shadow', [legacyMissed], everybody, 'modern'],
    ['legacy has missed one of another type', 'shadow', [legacyMissed], byType('Encounter'), 'legacy'],
    ['both have missed one: legacy can say so', 'modern', both, everybody, 'legacy'],
    ['both have missed one of the patient', 'modern', both, about('p1'), 'legacy'],
    ['both have missed it: a read stays', 'modern', both, one, 'modern'],
    ['modern has missed one of the patient', 'modern', [modernMissed], about('p1'), 'legacy'],
    ['a write of that patient', 'shadow', [legacyMissed], written, 'modern'],
    ['a write of nobody', 'shadow', [legacyMissed], unowned, 'legacy'],
    ['a write of nobody by criteria', 'shadow', [legacyMissed], ifNone(unowned), 'modern'],
    ['an update of that resource', 'shadow', [legacyMissed], update('o1', { type: 'Observation' }), 'modern'],
    ['after going all the way back', 'legacy', [legacyMissed], about('p1'), 'modern'],
    ['never in retired', 'retired', [modernMissed], about('p1'), 'modern'],
  ])('is one that has seen every write: %s', (_name, stage, missing, request, side) => {
    const choosing = { cohortKey, pins: createPins(missing) };
    expect(chooseSide(route({ stage }), request, anyone, choosing)).toBe(side);
  });

  it('stays where only one side is wired, whatever that side has missed', () => {
    const { modern: _none, ...legacyOnly } = route();
    expect(chooseSide(legacyOnly, one, anyone, { cohortKey, pins: createPins(both) })).toBe('legacy');
  });

  it.each<[string, Stage, FhirRequest, Missing[], 'legacy' | 'modern']>([
    ['legacy’s in canary', 'canary', page('Alegacy'), [], 'legacy'],
    ['legacy’s, in modern', 'modern', page('Alegacy'), [], 'legacy'],
    ['a modern service’s, in canary', 'canary', page('next', [['_getpages', 'next']]), [], 'modern'],
    ['one that was taken apart', 'canary', page('u.sealed'), [], 'modern'],
    ['legacy’s, though it has missed one since', 'shadow', page('Alegacy'), [legacyMissed], 'legacy'],
    // It has been sent back: whoever still holds such a page is told that it has expired.
    ['a modern service’s, after going back', 'shadow', page('u.sealed'), [], 'legacy'],
  ])('of a further page is where the search began: %s', (_name, stage, request, missing, side) => {
    const choosing = { cohortKey, pins: createPins(missing) };
    expect(chooseSide(route({ stage }), request, anyone, choosing)).toBe(side);
  });
});

function byType(type: string): FhirRequest {
  return search(query(type));
}

function ifNone(request: FhirRequest): FhirRequest {
  return { ...request, ifNoneExist: byIdentifier('1', 'Observation') };
}
