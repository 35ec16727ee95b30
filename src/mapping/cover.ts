import type { Condition } from './condition.ts';
import { segmentCondition } from './segment-group.ts';
import type { LossKind, Run } from './run.ts';
import type { Step, TreeReader } from './tree.ts';

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
  const count = part.repeats ? root.count(step) : Math.min(root.count(step), 1);
  for (let index = 0; index < count; index += 1) {
    const place = root.child(step, index);
    walk(place, part, [root, place], run);
  }
}

/** `path`: the places from the root down to this one. */
function walk(place: TreeReader, cover: Cover, path: readonly TreeReader[], run: Run): void {
  const active = cover.rules.filter((rule) => holds(rule, path, run));
  if (active.some((rule) => rule.kind === 'all')) return;
  const steps = place.steps();
  const whole = active.find((rule) => rule.kind === 'kept' || rule.kind === 'dropped');
  const value = active.some((rule) => rule.kind === 'value');
  if (steps.length === 0) {
    const first = cover.parts.get(1);
    if (place.text() === null) lose(run, 'deleted', place);
    else if (!value && place.filled()) {
      if (first) walk(place.child(1), first, [...path, place.child(1)], run);
      else if (whole) lose(run, whole.kind as 'kept' | 'dropped', place, whole.why);
      else lose(run, 'unmapped', place);
    }
    return;
  }
  for (const step of steps) {
    const part = cover.parts.get(step) ?? (value && step === 1 ? VALUE : undefined);
    const count = place.count(step);
    for (let index = 0; index < count; index += 1) {
      const below = place.child(step, index);
      if (!below.filled()) continue;
      if (part && (index === 0 || part.repeats)) walk(below, part, [...path, below], run);
      else if (part && part.rules.some((rule) => rule.kind === 'kept' || rule.kind === 'dropped'))
        walk(below, part, [...path, below], run);
      else if (part) lose(run, 'no-room', below, 'the FHIR element does not repeat');
      else if (whole) lose(run, whole.kind as 'kept' | 'dropped', below, whole.why);
      else lose(run, 'unmapped', below);
    }
  }
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

function lose(run: Run, kind: LossKind, place: TreeReader, why?: string): void {
  run.lose(kind, place.location(), why);
}
