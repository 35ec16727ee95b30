import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import {
  createWithholding,
  isBehindGlass,
  refusalOf,
  suppressedIssue,
} from '../../../src/security/withhold.ts';
import { RULES, V3, accessOf, labelled } from './confidentiality-support.ts';

const decisions = (said: Record<string, 'permit' | 'deny' | 'break-glass'> = {}) => ({
  decide: (patient: string) => said[patient] ?? 'permit',
  permitAll: () => Object.keys(said).length === 0,
});
const of = (patient: string, more: object = {}): Resource => ({
  resourceType: 'Observation',
  id: 'o',
  subject: { reference: `Patient/${patient}` },
  ...more,
});

describe('withholding', () => {
  const labels = createWithholding({ labels: RULES, consents: decisions() });
  const consents = createWithholding({
    labels: RULES,
    consents: decisions({ denied: 'deny', glass: 'break-glass' }),
  });

  it('gives what has no label to everybody, and R and V to nobody without the purpose', () => {
    const nobody = accessOf({ purposes: [] });
    expect(labels.of(of('a'), nobody)).toBeUndefined();
    expect(labels.of(labelled('R'), nobody)).toEqual({ why: 'label', breakGlass: true });
    expect(labels.of(labelled('R'), accessOf())).toBeUndefined();
    expect(labels.of(labelled('V'), accessOf())).toEqual({ why: 'label', breakGlass: true });
    expect(labels.of(labelled('V'), accessOf({ purposes: ['TREAT', 'BTG'] }))).toBeUndefined();
  });

  it('says that no glass opens what none does', () => {
    const rules = { ...RULES, purposes: { TREAT: 'N', BTG: 'R' } } as const;
    const strict = createWithholding({ labels: rules, consents: decisions() });
    expect(strict.of(labelled('V'), accessOf())).toEqual({ why: 'label', breakGlass: false });
    expect(strict.of(labelled('R'), accessOf())).toEqual({ why: 'label', breakGlass: true });
  });

  it('carries the label of a visit and of a patient to what leaves with them', () => {
    const security = [{ system: V3, code: 'V' }];
    const visit: Resource = { resourceType: 'Encounter', id: 'e', meta: { security } };
    const person: Resource = { resourceType: 'Patient', id: 'vip', meta: { security } };
    const during = of('a', { encounter: { reference: 'Encounter/e' } });
    const document: Resource = {
      resourceType: 'DocumentReference',
      context: { encounter: [{ reference: 'Encounter/e' }] },
    };
    const held = { why: 'label', breakGlass: true };
    expect(labels.of(during, accessOf(), [during, visit])).toEqual(held);
    expect(labels.of(document, accessOf(), [document, visit])).toEqual(held);
    expect(labels.of(of('vip'), accessOf(), [person])).toEqual(held);
    expect(labels.of(of('a'), accessOf(), [person, visit])).toBeUndefined();
    // What is not in the answer is not known.
    expect(labels.of(during, accessOf(), [during])).toBeUndefined();
  });

  it('heeds the consents of every patient that a resource is about', () => {
    expect(consents.of(of('other'), accessOf())).toBeUndefined();
    expect(consents.of(of('denied'), accessOf())).toEqual({ why: 'consent', breakGlass: false });
    expect(consents.of(of('glass'), accessOf())).toEqual({ why: 'consent', breakGlass: true });
    expect(consents.of({ resourceType: 'Patient', id: 'denied' }, accessOf())).toBeDefined();
    const shared = of('other', { performer: [{ reference: 'Patient/denied' }] });
    expect(consents.of(shared, accessOf())).toEqual({ why: 'consent', breakGlass: false });
  });

  it('does not promise a glass that the other rule keeps whole', () => {
    const both = of('denied', labelled('V'));
    expect(consents.of({ ...both, subject: { reference: 'Patient/denied' } }, accessOf())).toMatchObject({
      breakGlass: false,
    });
  });

  it('knows whose answers need no look', () => {
    expect(labels.nothingFor(accessOf())).toBe(false);
    expect(labels.nothingFor(accessOf({ client: 'registry' }))).toBe(true);
    expect(consents.nothingFor(accessOf({ client: 'registry' }))).toBe(false);
  });
});

describe('what is said of what is kept back', () => {
  const held = { why: 'label', breakGlass: true } as const;

  it('tells of the glass only those who may break it', () => {
    expect(refusalOf(held, accessOf())).toBeUndefined();
    const refusal = refusalOf(held, accessOf({ mayBreakGlass: true }));
    expect(refusal?.status).toBe(403);
    expect(refusal?.issues[0]?.diagnostics).toMatch(/Purpose-Of-Use: BTG/);
    expect(refusalOf({ ...held, breakGlass: false }, accessOf({ mayBreakGlass: true }))).toBeUndefined();
    expect(isBehindGlass([held], accessOf())).toBe(false);
    expect(isBehindGlass([], accessOf({ mayBreakGlass: true }))).toBe(false);
    expect(isBehindGlass([held], accessOf({ mayBreakGlass: true }))).toBe(true);
    expect(suppressedIssue(false)).toMatchObject({ severity: 'information', code: 'suppressed' });
    expect(suppressedIssue(false).diagnostics).not.toMatch(/BTG/);
    expect(suppressedIssue(true).diagnostics).toMatch(/BTG/);
  });
});
