import { beforeEach, describe, expect, it } from 'vitest';
import type { Severity } from '../../../../src/migration-ports.ts';
import { createMemoryRuleStore } from '../../../../src/store/rules.ts';
import { createRuleBook } from '../../../../src/strangler/experiment/rules.ts';
import type { RuleBook, RuleRequest } from '../../../../src/strangler/experiment/rules.ts';
import { createFakeClock, createTestLogger } from '../../resilience/support.ts';
import type { FakeClock } from '../../resilience/support.ts';

const NOW = Date.parse('2026-03-01T08:00:00Z');
const SEEN: Readonly<Record<string, Severity>> = {
  'order Bundle.entry': 'minor',
  'changed Observation.valueQuantity.unit': 'critical',
};

let clock: FakeClock;
let book: RuleBook;
const store = () => createMemoryRuleStore();

async function open(kept = store()): Promise<RuleBook> {
  return createRuleBook({
    store: kept,
    clock,
    log: createTestLogger(),
    clinicalOwnerOf: (endpoint) => (endpoint === 'Observation.search' ? 'dr clara' : undefined),
    severityOf: (_endpoint, signature) => SEEN[signature],
  });
}

const request = (more: Partial<RuleRequest> = {}): RuleRequest => ({
  endpoint: 'Observation.search',
  signature: 'order Bundle.entry',
  verdict: 'acceptable',
  owner: 'labs',
  by: 'ana',
  reason: 'nobody sorts',
  expiresAt: '2026-04-01T00:00:00Z',
  ...more,
});

beforeEach(async () => {
  clock = createFakeClock(NOW);
  book = await open();
});

const UNIT = 'changed Observation.valueQuantity.unit';

describe('a rule', () => {
  it('says who, why and until when, and holds until then', async () => {
    const rule = await book.add(request());
    expect(rule).toEqual({
      ...request(),
      id: expect.any(String) as string,
      createdAt: '2026-03-01T08:00:00.000Z',
      expiresAt: '2026-04-01T00:00:00.000Z',
    });
    expect(book.forEndpoint('Observation.search')).toEqual([rule]);
    expect(book.forEndpoint('Patient.read')).toEqual([]);
    await clock.advance(Date.parse('2026-04-01T00:00:00Z') - NOW);
    expect(book.forEndpoint('Observation.search')).toEqual([]);
    expect(book.list('Observation.search')).toEqual([rule]);
  });

  it.each<[string, Partial<RuleRequest>, string]>([
    ['anybody accepts what is minor', {}, 'added'],
    ['the clinical owner accepts what is critical', { signature: UNIT, by: 'dr clara' }, 'added'],
    ['another accepts what is critical', { signature: UNIT }, 'forbidden'],
    ['the technical owner accepts what is critical', { signature: UNIT, by: 'labs' }, 'forbidden'],
    ['another accepts a pattern', { signature: 'order *' }, 'forbidden'],
    ['the clinical owner accepts a pattern', { signature: 'order *', by: 'dr clara' }, 'added'],
    ['another accepts what nobody has seen', { signature: 'changed Observation.x' }, 'forbidden'],
    ['an endpoint has no clinical owner', { endpoint: 'Patient.read', signature: UNIT, by: 'dr clara' }, 'forbidden'],
    ['another says that a critical one is a bug', { signature: UNIT, verdict: 'bug-in-modern' }, 'added'],
    ['another says that a critical one is a bug of legacy', { signature: UNIT, verdict: 'bug-in-legacy' }, 'added'],
    ['no owner is named', { owner: ' ' }, 'value-required'],
    ['no reason is given', { reason: '' }, 'value-required'],
    ['nobody signs', { by: '' }, 'value-required'],
    ['no signature is given', { signature: '' }, 'value-required'],
    ['everything is to be accepted', { signature: '*', by: 'dr clara' }, 'value-invalid'],
    ['the verdict is none', { verdict: 'whatever' as RuleRequest['verdict'] }, 'value-invalid'],
    ['the expiry has passed', { expiresAt: '2026-03-01T08:00:00Z' }, 'value-invalid'],
    ['the expiry is a date', { expiresAt: '2026-06-01' }, 'value-invalid'],
    ['the expiry is no instant', { expiresAt: 'soon' }, 'value-invalid'],
    ['the expiry is far away', { expiresAt: '2028-01-01T00:00:00Z' }, 'value-invalid'],
  ])('when %s', async (_name, more, outcome) => {
    const added = await book.add(request(more)).then(
      () => 'added',
      (error: { code: string }) => error.code,
    );
    expect(added).toBe(outcome);
    expect(book.list()).toHaveLength(outcome === 'added' ? 1 : 0);
  }); // prettier-ignore

  it('for a pattern is the clinical owner’s, however harmless what has been seen of it is', async () => {
    const lenient = await createRuleBook({
      store: store(),
      clock,
      log: createTestLogger(),
      clinicalOwnerOf: () => 'dr clara',
      severityOf: () => 'minor',
    });
    await expect(lenient.add(request({ signature: 'order *' }))).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('is refused with every problem at once', async () => {
    await expect(book.add(request({ owner: '', by: '', expiresAt: 'never' }))).rejects.toMatchObject({
      issues: [{ expression: ['owner'] }, { expression: ['by'] }, { expression: ['expiresAt'] }],
    });
  });

  it('that is taken away does nothing any more, and is kept with who and why', async () => {
    const { id } = await book.add(request());
    await book.remove(id, { by: 'ben', reason: 'fixed' });
    expect([book.list(), book.forEndpoint('Observation.search')]).toEqual([[], []]);
    expect(book.history()).toMatchObject([{ id, removed: { by: 'ben', reason: 'fixed' } }]);
    await expect(book.remove(id, { by: 'ben', reason: 'again' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(book.remove(id, { by: '', reason: '' })).rejects.toMatchObject({ code: 'value-required' });
  });

  it('is there after a restart, and when another process has added it', async () => {
    const kept = store();
    const [one, other] = [await open(kept), await open(kept)];
    const rule = await one.add(request());
    expect(other.list()).toEqual([]);
    await other.refresh();
    expect([other.list(), (await open(kept)).list()]).toEqual([[rule], [rule]]);
  });
});
