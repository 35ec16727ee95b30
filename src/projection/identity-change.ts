import { FicusError } from '../errors.ts';
import type { Resource } from '../fhir/types.ts';
import type { IdentityChange } from '../projection-ports.ts';
import {
  adopt,
  identifierFor,
  oldIdentifiers,
  release,
  restore,
  retire,
  stateBefore,
  stub,
} from './identities.ts';
import { isLate } from './late.ts';
import type { Merges } from './merges.ts';
import type { Names } from './names.ts';
import type { Cause, Records, ResourceRecord } from './records.ts';
import { mapRelativeReferences } from './references.ts';
import { MERGEABLE } from './survey.ts';

/** What an identity change did to the projection. */
export type Told = (
  kind: 'changed' | 'merged' | 'unmerged',
  record: ResourceRecord,
  other?: ResourceRecord,
) => void;

export interface IdentityChanges {
  /**
   * Carries out a merge, un-merge or move. False: it is older than what is known of that identity, and was left alone.
   * @throws FicusError `conflict` for one that contradicts what was merged before: somebody has to look at it.
   */
  apply(change: IdentityChange, cause: Cause, told: Told): boolean;
}

/** Merges and un-merges (HL7 v2.5.1 §3.3.40, §3.3.37), moves (§3.3.43 to §3.3.45), on stored resources. */
export function createIdentityChanges(records: Records, merges: Merges, names: Names): IdentityChanges {
  const current = (rid: number): ResourceRecord => records.byRid(rid);

  function put(
    record: ResourceRecord,
    resource: Resource,
    cause: Cause,
    told: Told,
    eventAt = record.eventAt,
  ): ResourceRecord {
    const written = records.put(record, resource, { ...cause, eventAt });
    told('changed', written);
    return written;
  }

  /** Lets every reference to one resource point at another; gives the resources that had one. */
  function redirect(
    from: ResourceRecord,
    to: ResourceRecord,
    rids: readonly number[],
    cause: Cause,
    told: Told,
  ): number[] {
    const before = `${from.type}/${from.id}`;
    const after = `${to.type}/${to.id}`;
    return rids.filter((rid) => {
      const record = current(rid);
      const { resource } = record;
      if (!resource) return false;
      const mapped = mapRelativeReferences(
        resource,
        (it) => (it === before ? after : it),
        (it) => identifierFor(it, from.resource, current(to.rid).resource),
      );
      if (mapped === resource) return false;
      put(record, mapped, cause, told);
      return true;
    });
  }

  function merge({ type, from, into }: IdentityChange, cause: Cause, told: Told): boolean {
    const retired = records.ensure(type, from);
    const survivor = current(merges.survivorOf(records.ensure(type, into).rid));
    if (merges.survivorOf(retired.rid) === survivor.rid && retired.rid !== survivor.rid) return true;
    const known = merges.lastEventOf(retired.rid);
    if (known !== undefined && isLate(cause, known)) return false;
    if (merges.isRetired(retired.rid)) throw contradiction('It was merged into another one already.');
    if (retired.rid === survivor.rid) throw contradiction('It would be merged into itself.');
    const resource = retired.resource ?? stub(type, from);
    const identifiers = resource ? oldIdentifiers(resource) : [];
    // Found before the two say of each other what they are now.
    const referrers = records
      .referrersOf(retired.rid)
      .filter((rid) => rid !== survivor.rid && !isRetiredPatient(rid));
    const both = new Set(records.referrersOf(survivor.rid));
    const number = merges.add({
      type: names.number(type),
      retired: retired.rid,
      survivor: survivor.rid,
      eventAt: cause.eventAt,
      message: cause.message,
      at: cause.now,
      was: retired.resource ? stateBefore(retired.resource) : {},
      identifiers,
    });
    const gone = resource ? put(retired, retire(resource, survivor.id), cause, told) : retired;
    const kept = survivor.resource ?? stub(type, survivor.id);
    if (kept) put(survivor, adopt(kept, from, identifiers), cause, told);
    const moved = redirect(retired, survivor, referrers, cause, told);
    for (const rid of moved) merges.addMoved(number, rid, both.has(rid));
    told('merged', gone, current(survivor.rid));
    return true;
  }

  /** A37 names two patients and not who was whose (HL7 v2.5.1 §3.3.37): the one that was merged comes back. */
  function unmerge(change: IdentityChange, cause: Cause, told: Told): boolean {
    const { type } = change;
    const wasMerged = (id: string): boolean => merges.of(records.ensure(type, id).rid) !== undefined;
    const turned = !wasMerged(change.from) && wasMerged(change.into);
    const [from, into] = turned ? [change.into, change.from] : [change.from, change.into];
    const retired = records.ensure(type, from);
    const done = merges.of(retired.rid);
    const known = merges.lastEventOf(retired.rid);
    if (known !== undefined && isLate(cause, known)) return false;
    if (!done) {
      if (known !== undefined) return true;
      throw contradiction('The merge that is to be taken back has not come.');
    }
    const now = current(merges.survivorOf(retired.rid));
    const named = records.ensure(type, into).rid;
    if (merges.survivorOf(named) !== now.rid)
      throw contradiction('It was merged into another one than the message says.');
    const above = chain(retired.rid, now.rid);
    merges.undo(done.merge, { message: cause.message, at: cause.now, eventAt: cause.eventAt });
    for (const rid of above) {
      const record = current(rid);
      if (record.resource) {
        const left = release(record.resource, from, done.identifiers);
        if (left !== record.resource) put(record, left, cause, told);
      }
    }
    const restored = retired.resource
      ? put(retired, asItIsNow(retired.rid, restore(retired.resource, done.was)), cause, told)
      : retired;
    const moved = merges.moved(done.merge);
    const changed = moved.filter(({ rid }) => current(rid).message > done.message);
    for (const { rid } of changed) merges.addReview(done.merge, rid, 'changed after the merge');
    for (const { rid } of moved.filter((it) => it.both))
      merges.addReview(done.merge, rid, 'referred to both');
    redirect(
      now,
      restored,
      moved.filter((it) => !it.both).map(({ rid }) => rid),
      cause,
      told,
    );
    const before = new Set(moved.map(({ rid }) => rid));
    for (const rid of records.referrersOf(now.rid)) {
      if (!before.has(rid) && records.firstMessageOf(rid) > done.message) {
        merges.addReview(done.merge, rid, 'came after the merge');
      }
    }
    told('unmerged', restored, current(now.rid));
    return true;
  }

  /** One that came back, with those that it stands for now: some may have come back meanwhile. */
  function asItIsNow(rid: number, restored: Resource): Resource {
    const left = merges
      .undoneInto(rid)
      .reduce((kept, { retired, identifiers }) => release(kept, current(retired).id, identifiers), restored);
    return merges
      .into(rid)
      .reduce((kept, { retired, identifiers }) => adopt(kept, current(retired).id, identifiers), left);
  }

  /** Patients that went say of others whom they were replaced by, then and there. */
  const isRetiredPatient = (rid: number): boolean => merges.isRetired(rid) && current(rid).type === 'Patient';

  /** Everyone who stands for a resource, the next one first. */
  function chain(from: number, to: number): readonly number[] {
    const all: number[] = [];
    for (let at = from; at !== to;) {
      const next = merges.of(at)?.survivor;
      if (next === undefined) break;
      all.push(next);
      at = next;
    }
    return all;
  }

  /** An encounter or account, and what refers to it, belongs to another patient now. */
  function move({ type, from, into }: IdentityChange, cause: Cause, told: Told): boolean {
    const moved = current(merges.survivorOf(records.ensure(type, from).rid));
    const patient = current(merges.survivorOf(records.ensure('Patient', into).rid));
    if (!moved.resource) return true;
    if (isLate(cause, moved.eventAt)) return false;
    const subjects = [moved.resource['subject']].flat();
    const before = new Set(
      subjects.flatMap((it) => referenceOf(it)).filter((it) => it.startsWith('Patient/')),
    );
    const to = `Patient/${patient.id}`;
    const [former] = before;
    const owner = former === undefined ? undefined : records.find('Patient', former.slice('Patient/'.length));
    // It may refer to itself.
    const others = records.referrersOf(moved.rid).filter((rid) => rid !== moved.rid);
    for (const record of [moved, ...others.map(current)]) {
      const { resource } = record;
      if (!resource || record.type === 'Patient') continue;
      const mapped = mapRelativeReferences(
        resource,
        (it) => (before.has(it) ? to : it),
        (it) => identifierFor(it, owner?.resource, patient.resource),
      );
      if (mapped === resource) continue;
      put(record, mapped, cause, told, record === moved ? cause.eventAt : record.eventAt);
    }
    return true;
  }

  return {
    apply(change, cause, told) {
      if (!MERGEABLE.includes(change.type))
        throw contradiction('This type of resource has no identity to merge.');
      if (change.kind === 'merge') return merge(change, cause, told);
      return change.kind === 'unmerge' ? unmerge(change, cause, told) : move(change, cause, told);
    },
  };
}

function referenceOf(value: unknown): string[] {
  const reference =
    typeof value === 'object' && value !== null && 'reference' in value ? value.reference : undefined;
  return typeof reference === 'string' ? [reference] : [];
}

function contradiction(message: string): FicusError {
  return new FicusError('conflict', message);
}
