import type { Condition } from './condition.ts';
import { segmentCondition } from './segment-group.ts';
import type { Run } from './run.ts';
import { ownCount, type Step, type TreeReader } from './tree.ts';

/** What a row does with a place, for the loss report. */
export interface CoverRule {
  /** `value`: the text (or first part); `all`: everything below; `kept`, `dropped`: everything, reported as such. */
  readonly kind: 'value' | 'all' | 'kept' | 'dropped';
  readonly when: Condition | undefined;
  /** Steps from the place up to the root that the condition's paths start from. */
  readonly up: number;
  readonly why: string | undefined;
}

/** Which places of a tree the rows of a map speak of. */
export interface Cover {
  readonly rules: CoverRule[];
  readonly parts: Map<Step, Cover>;
  /** Whether every repetition is read, not only the first. */
  repeats: boolean;
}

export function createCover(): Cover {
  return { rules: [], parts: new Map(), repeats: false };
}

/** The cover at `steps` below, made when it is not there. */
export function coverAt(cover: Cover, steps: readonly Step[]): Cover {
  let at = cover;
  for (const step of steps) {
    let next = at.parts.get(step);
    if (!next) at.parts.set(step, (next = createCover()));
    at = next;
  }
  return at;
}

/** Adds what `from` covers to `into`; with `gate`, only while that condition of `up` steps further up holds. */
export function mergeCover(
  into: Cover,
  from: Cover,
  gate?: { readonly when: Condition; readonly up: number },
): void {
  for (const rule of from.rules)
    into.rules.push(gate && !rule.when ? { ...rule, when: gate.when, up: gate.up } : rule);
  for (const [step, part] of from.parts) {
    const target = coverAt(into, [step]);
    target.repeats ||= part.repeats;
    mergeCover(target, part, gate && { when: gate.when, up: gate.up + 1 });
  }
}

/** The cover of a segment's map, seen from the segment instead of its group. */
export function segmentCover(group: Cover, segment: string): Cover {
  const lower = (cover: Cover, depth: number): Cover => ({
    repeats: cover.repeats,
    rules: cover.rules.map((rule) =>
      rule.when && rule.up === depth + 1
        ? { ...rule, when: segmentCondition(rule.when, segment), up: depth }
        : rule,
    ),
    parts: new Map([...cover.parts].map(([step, part]) => [step, lower(part, depth + 1)])),
  });
  return lower(group.parts.get(segment) ?? createCover(), 0);
}

/** Reports what of a tree no row speaks of, what is kept and what is dropped. */
export function reportLosses(root: TreeReader, cover: Cover, run: Run): void {
  walk(root, cover, [root], run);
}

/** As reportLosses, for all repetitions of one child of `root` only: the others are another map's. */
export function reportChildLosses(root: TreeReader, step: Step, cover: Cover, run: Run): void {
  const part = cover.parts.get(step);
  if (!part) return;
  const own = ownCount(root, step);
  const count = part.repeats ? own : Math.min(own, 1);
  for (let index = 0; index < count; index += 1) {
    const place = root.child(step, index);
    walk(place, part, [root, place], run);
  }
}

/** What rules say of a place, those whose condition holds. */
interface Said {
  readonly value: boolean;
  readonly all: boolean;
  readonly whole: CoverRule | undefined;
}

const NOTHING: Said = { value: false, all: false, whole: undefined };

function whatIsSaid(cover: Cover, path: readonly TreeReader[], run: Run): Said {
  if (cover.rules.length === 0) return NOTHING;
  let [value, all] = [false, false];
  let whole: CoverRule | undefined;
  for (const rule of cover.rules) {
    if (!holds(rule, path, run)) continue;
    if (rule.kind === 'all') all = true;
    else if (rule.kind === 'value') value = true;
    else whole ??= rule;
  }
  return { value, all, whole };
}

/** `path`: the places from the root down to this one; it is given back as it was. */
function walk(place: TreeReader, cover: Cover, path: TreeReader[], run: Run): void {
  const said = whatIsSaid(cover, path, run);
  const steps = place.steps();
  if (said.all) {
    if (steps.length === 0 && place.text() === null) run.lose('deleted', place.location());
    return;
  }
  if (steps.length === 0) return walkText(place, cover, said, path, run);
  for (const step of steps) {
    const part = cover.parts.get(step) ?? (said.value && step === 1 ? VALUE : undefined);
    const count = place.count(step);
    for (let index = 0; index < count; index += 1) {
      const below = place.child(step, index);
      if (count > 1 && !below.filled()) continue;
      if (part && (index === 0 || part.repeats || part.rules.some(isWhole)))
        walkBelow(below, part, path, run);
      else if (part) run.lose('no-room', below.location(), 'the FHIR element does not repeat');
      else loseWhole(below, said.whole, run);
    }
  }
}

function walkText(
  place: TreeReader,
  cover: Cover,
  { value, whole }: Said,
  path: TreeReader[],
  run: Run,
): void {
  const text = place.text();
  if (text === null) return run.lose('deleted', place.location());
  if (value || text === undefined || text === '') return;
  const first = cover.parts.get(1);
  if (first) walkBelow(place.child(1), first, path, run);
  else loseWhole(place, whole, run);
}

function walkBelow(place: TreeReader, cover: Cover, path: TreeReader[], run: Run): void {
  path.push(place);
  walk(place, cover, path, run);
  path.pop();
}

function isWhole(rule: CoverRule): boolean {
  return rule.kind === 'kept' || rule.kind === 'dropped';
}

function loseWhole(place: TreeReader, whole: CoverRule | undefined, run: Run): void {
  if (whole?.kind === 'kept' || whole?.kind === 'dropped') run.lose(whole.kind, place.location(), whole.why);
  else run.lose('unmapped', place.location());
}

/** The first part of a place whose text is read. */
const VALUE: Cover = {
  rules: [{ kind: 'value', when: undefined, up: 0, why: undefined }],
  parts: new Map(),
  repeats: false,
};

function holds(rule: CoverRule, path: readonly TreeReader[], run: Run): boolean {
  if (!rule.when) return true;
  const root = path[path.length - 1 - rule.up];
  return root !== undefined && rule.when.holds(root, run);
}
