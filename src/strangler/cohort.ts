import { createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { FicusError } from '../errors.ts';
import type { Cohort } from '../ports.ts';

/** Whom a request is about and who asks it. */
export interface Who {
  /**
   * Resource type: the interactions of one type share their cohort, so that a patient's reads and writes stay together.
   */
  readonly type: string;
  /** FHIR id. */
  readonly patient?: string | undefined;
  /** The application that calls. */
  readonly client?: string | undefined;
  /** The facility that it calls for. */
  readonly facility?: string | undefined;
  /** `Principal.key`: stands in where neither patient nor client is known. */
  readonly caller: string;
}

/** Parts that the keyed hash falls into: a percentage has two decimals. */
const BUCKETS = 10_000;

/**
 * Whether modern answers this in canary. Whoever is on a list is in; of the others (or of those `within`, which are to
 * meet every restriction that is given) a percentage by a keyed hash: the same one stays on its side, and whoever is in
 * at 10 % is in at 20 %.
 *
 * @param key of the hash: without it nobody can tell, or choose, who is in
 */
export function inCohort(cohort: Cohort | undefined, who: Who, key: Uint8Array): boolean {
  if (!cohort) return false;
  const { percent, within } = cohort;
  if (
    lists(cohort.patients, who.patient) ||
    lists(cohort.clients, who.client) ||
    lists(cohort.facilities, who.facility)
  )
    return true;
  if (percent <= 0) return false;
  if (within?.facilities && !lists(within.facilities, who.facility)) return false;
  if (within?.clients && !lists(within.clients, who.client)) return false;
  return percent >= 100 || placeOf(who, key) < percent;
}

/** Whether a cohort asks whom a request is about, and never who sent it or from where. */
export function isByPatient(cohort: Cohort | undefined): boolean {
  if (!cohort) return true;
  const { percent, within, facilities = [], clients = [] } = cohort;
  return facilities.length === 0 && clients.length === 0 && (percent <= 0 || !within);
}

function lists(list: readonly string[] | undefined, value: string | undefined): boolean {
  return list !== undefined && value !== undefined && list.includes(value);
}

/** Keys as the hash takes them at once: to prepare one costs five times what a hash does. */
const prepared = new WeakMap<Uint8Array, KeyObject>();

function preparedOf(key: Uint8Array): KeyObject {
  const known = prepared.get(key);
  if (known) return known;
  const made = createSecretKey(key);
  prepared.set(key, made);
  return made;
}

/** 0 to 99.99, always the same for the same one. */
function placeOf({ type, patient, client, caller }: Who, key: Uint8Array): number {
  const [kind, value] =
    patient !== undefined
      ? ['patient', patient]
      : client !== undefined
        ? ['client', client]
        : ['caller', caller];
  const digest = createHmac('sha256', preparedOf(key))
    .update(JSON.stringify([type, kind, value]))
    .digest();
  return (digest.readUIntBE(0, 6) % BUCKETS) / (BUCKETS / 100);
}

const LISTS = ['facilities', 'clients', 'patients'] as const;

/** A cohort as somebody wrote it. @throws FicusError `value-invalid` with the first thing that is wrong with it */
export function checkCohort(written: unknown): Cohort {
  if (!isObject(written)) throw wrong('cohort', 'is an object with a percentage');
  const { percent, within = {}, ...lists } = written;
  if (typeof percent !== 'number' || !(percent >= 0 && percent <= 100))
    throw wrong('cohort.percent', 'is a number from 0 to 100');
  if (!isObject(within)) throw wrong('cohort.within', 'is an object with facilities or clients');
  checkLists('cohort', lists, LISTS);
  checkLists('cohort.within', within, ['facilities', 'clients']);
  return written as unknown as Cohort;
}

function checkLists(path: string, lists: object, known: readonly string[]): void {
  for (const [name, list] of Object.entries(lists)) {
    if (!known.includes(name)) throw wrong(path, `has ${known.join(', ')}, and no "${name.slice(0, 64)}"`);
    if (!Array.isArray(list) || list.some((one) => typeof one !== 'string' || one === ''))
      throw wrong(`${path}.${name}`, 'is a list of names');
  }
}

function wrong(path: string, words: string): FicusError {
  return new FicusError('value-invalid', `"${path}" ${words}.`, { expression: [path] });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether everyone who is in `after` is in `before` too, as far as the rules say: then it is no step forward. */
export function isNarrower(after: Cohort, before: Cohort | undefined): boolean {
  if (!before) return after.percent === 0 && LISTS.every((name) => (after[name] ?? []).length === 0);
  const restricted = (name: 'facilities' | 'clients') =>
    before.within?.[name] === undefined || isWithin(after.within?.[name], before.within[name]);
  const samePart = after.percent === 0 || (restricted('facilities') && restricted('clients'));
  return (
    after.percent <= before.percent &&
    samePart &&
    LISTS.every((name) => (after[name] ?? []).every((one) => before[name]?.includes(one)))
  );
}

function isWithin(inner: readonly string[] | undefined, outer: readonly string[]): boolean {
  return inner !== undefined && inner.every((one) => outer.includes(one));
}

/** A cohort in words: `10 % of facilities EAST, and client kiosk`; of patients the number only. */
export function cohortInWords(cohort: Cohort | undefined): string {
  if (!cohort) return 'nobody';
  const { percent, within = {}, facilities = [], clients = [], patients = [] } = cohort;
  const named = (noun: string, plural: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${names.length === 1 ? noun : plural} ${names.join(', ')}`];
  const of = [
    ...named('facility', 'facilities', within.facilities ?? []),
    ...named('client', 'clients', within.clients ?? []),
  ];
  const listed = [
    ...named('facility', 'facilities', facilities),
    ...named('client', 'clients', clients),
    ...(patients.length === 0 ? [] : [`${patients.length} patient${patients.length === 1 ? '' : 's'}`]),
  ];
  const share = `${percent} %${of.length === 0 ? '' : ` of ${of.join(' and ')}`}`;
  return listed.length === 0 ? share : `${share}, and ${listed.join(', ')}`;
}
