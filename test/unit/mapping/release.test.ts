import { describe, expect, it } from 'vitest';
import { readMappingFiles } from '../../../src/config/mappings.ts';
import { compileMappings } from '../../../src/mapping/mapping-set.ts';
import { isUsedFor, refusalOf, stateOf } from '../../../src/mapping/release.ts';
import type { MappingRelease, ReleaseAct, ReleaseStep } from '../../../src/mapping/release.ts';
import { createReleasedMappings } from '../../../src/mapping/released.ts';

const step = (act: ReleaseAct, by: string, senders?: readonly string[]): ReleaseStep => ({
  act,
  by,
  reason: 'test',
  at: '2026-01-01T00:00:00Z',
  ...(senders ? { senders } : {}),
});
const proposed = step('propose', 'ada');
const signed = step('sign', 'eve');
const canary = step('publish', 'ada', ['ADT-EAST']);
const live = step('publish', 'ada');
const gone = step('revert', 'eve');
const release = (...steps: ReleaseStep[]): MappingRelease => ({ number: 1, files: [], steps });

describe('a release', () => {
  it.each([
    ['proposed', [proposed]],
    ['signed', [proposed, signed]],
    ['canary', [proposed, signed, canary]],
    ['live', [proposed, signed, canary, live]],
    ['reverted', [proposed, signed, live, gone]],
  ] as const)('is %s', (state, steps) => {
    expect(stateOf(release(...steps))).toBe(state);
  });

  it.each([
    ['sign', [proposed], 'eve', undefined],
    ['sign', [proposed], 'ada', 'cannot sign it off as well'],
    ['sign', [proposed, signed], 'joe', 'it is signed'],
    ['publish', [proposed], 'ada', 'not signed off'],
    ['publish', [proposed, signed], 'ada', undefined],
    ['publish', [proposed, signed, canary], 'ada', undefined],
    ['publish', [proposed, signed, live, gone], 'ada', 'reverted'],
    ['revert', [proposed], 'ada', undefined],
    ['revert', [proposed, signed, live], 'joe', undefined],
    ['revert', [proposed, signed, live, gone], 'joe', 'reverted already'],
  ] as const)('%s after %j by %s: %s', (act, steps, by, why) => {
    const refused = refusalOf(release(...steps), act, by);
    if (why === undefined) expect(refused).toBeUndefined();
    else expect(refused).toContain(why);
  });

  it('in canary is for those that it names: interface, application, or application and facility', () => {
    const some = (...names: string[]) => release(proposed, signed, step('publish', 'ada', names));
    const east = { source: 'adt', sender: 'ADT-EAST|MAIN' };
    expect(isUsedFor(some('ADT-EAST'), east)).toBe(true);
    expect(isUsedFor(some('ADT-EAST|MAIN'), east)).toBe(true);
    expect(isUsedFor(some('adt'), east)).toBe(true);
    expect(isUsedFor(some('ADT'), east)).toBe(false);
    expect(isUsedFor(some('MAIN'), east)).toBe(false);
    expect(isUsedFor(release(proposed, signed), east)).toBe(false);
    expect(isUsedFor(release(proposed, signed, live), east)).toBe(true);
  });
});

describe('the mappings of a running feed', () => {
  const files = readMappingFiles('mappings');
  const east = { source: 'adt', sender: 'ADT-EAST|MAIN' };
  const west = { source: 'adt', sender: 'ADT-WEST|MAIN' };
  const drop = (row: string) => ({
    path: 'drop.yaml',
    text: `overlay: PID <-> Patient\nby: Ada Example\nwhy: a test\nrows:\n  - { row: ${row}, remove: true, why: a test }\n  - { v2: ${row}, fhir: ~, keep: raw, why: a test }\n`,
  });
  const of = (number: number, row: string, ...steps: ReleaseStep[]): MappingRelease => ({
    number,
    files: [drop(row)],
    steps,
  });
  const base = compileMappings(files);

  it('are the configured ones until a release is published; then those of whom it is for', () => {
    const mappings = createReleasedMappings(base, files);
    mappings.use([of(1, 'PID-8', proposed, signed)]);
    expect(mappings.of(east)).toBe(base);
    mappings.use([of(1, 'PID-8', proposed, signed, canary)]);
    expect(mappings.of(west)).toBe(base);
    expect(mappings.of(east).version).not.toBe(base.version);
    expect(mappings.of(east)).toBe(mappings.of({ ...east }));
    mappings.use([of(1, 'PID-8', proposed, signed, canary, live)]);
    expect(mappings.of(west).version).not.toBe(base.version);
    expect(mappings.of(west)).toBe(mappings.of(east));
    mappings.use([of(1, 'PID-8', proposed, signed, live, gone)]);
    expect(mappings.of(east)).toBe(base);
  });

  it('stay as they were when a release does not compile', () => {
    const mappings = createReleasedMappings(base, files);
    mappings.use([of(1, 'PID-8', proposed, signed, live)]);
    const before = mappings.of(east);
    expect(() => mappings.use([of(1, 'PID-8', proposed, signed, live), of(2, 'PID-999', proposed, signed, live)])).toThrow(/PID-999/); // prettier-ignore
    expect(mappings.of(east)).toBe(before);
  });
});
