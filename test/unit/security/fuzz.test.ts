import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import { holderOf, type Holder } from './fuzz/backends.ts';
import { CASES, FIRST_SEED, nameOf, rulesOf } from './fuzz/cases.ts';
import {
  allowedMarks,
  isLedTo,
  isPlain,
  isSubject,
  maySee,
  mayWrite,
  meets,
  scopesFor,
  type Caller,
  type Rules,
} from './fuzz/model.ts';
import { callerOf, plainSearch, requestOf } from './fuzz/requests.ts';
import { stackOver, type Asked, type Stack, type Told } from './fuzz/stack.ts';
import {
  BASE,
  createRandom,
  idOf,
  marksOf,
  PATIENTS,
  TYPES,
  worldOf,
  type Known,
  type Random,
} from './fuzz/world.ts';

/*
 * Random callers ask random things of random worlds, by every path: nothing leaves, in whatever shape, that the model does not allow; nothing is written that it does not allow;
 * and what is allowed and plainly asked for is there. A failure names the seed of its world.
 */

const CASES_OF_A_WORLD = 250;

interface World {
  readonly random: Random;
  readonly holder: Holder;
  readonly stack: Stack;
  readonly rules: Rules;
  readonly callers: readonly Caller[];
  /** Pages that were offered, to whomever. */
  readonly pages: string[];
}

interface Truth {
  /** Present states by name. */
  readonly present: ReadonlyMap<string, Known>;
  readonly all: readonly (readonly Known[])[];
  /** What was found out of it already. */
  readonly marks: Map<string, Set<string>>;
}

const truths = new WeakMap<Holder, Truth>();

async function truthOf(holder: Holder, changed: boolean): Promise<Truth> {
  const known = truths.get(holder);
  if (known && !changed) return known;
  const all = await holder.states();
  const present = new Map(all.flatMap((states) => states.slice(-1)).map((it) => [nameOf(it), it]));
  const truth = { all, present, marks: new Map() };
  truths.set(holder, truth);
  return truth;
}

/** Every state whose present one may be seen. */
function history({ all }: Truth, caller: Caller, rules: Rules): Known[] {
  return all.filter((states) => states.length > 0 && maySee(caller, states.at(-1)!, 'r', rules)).flat();
}

/** Marks that may be in an answer. */
function allowed({ rules }: World, truth: Truth, caller: Caller, { method, url }: Asked): Set<string> {
  const versions = url.includes('/_history');
  const read = method === 'GET' && /^[A-Za-z]+\/[^/?$]+(\?|$)/.test(url);
  const by = versions || read ? 'r' : 'rs';
  const key = `${versions} ${by} ${JSON.stringify(caller)}`;
  let marks = truth.marks.get(key);
  if (!marks) {
    const states = versions ? history(truth, caller, rules) : [...truth.present.values()];
    truth.marks.set(key, (marks = allowedMarks(caller, states, by, rules)));
  }
  return marks;
}

const entriesOf = (
  body: JsonObject | undefined,
): { resource?: Resource; search?: { mode: string }; response?: object }[] =>
  ((body?.['entry'] as unknown) ?? []) as {
    resource?: Resource;
    search?: { mode: string };
    response?: object;
  }[];

/** Who finds needs to be allowed to search, not only to read; what comes with a record comes by either. */
function refuseUnfound(world: World, truth: Truth, caller: Caller, { url }: Asked, { body }: Told): void {
  if (body?.['type'] !== 'searchset') return;
  for (const { resource, search } of entriesOf(body)) {
    if (!resource || resource.resourceType === 'OperationOutcome') continue;
    const state = truth.present.get(nameOf(resource));
    const by = search?.mode === 'match' && !url.includes('$everything') ? 's' : 'rs';
    expect(state && maySee(caller, state, by, world.rules), nameOf(resource)).toBe(true);
  }
}

/** A match of a chain or a `_has` was found through what may be found, too. Merged identities are followed besides. */
function refuseLed(world: World, truth: Truth, caller: Caller, { url }: Asked, { body }: Told): void {
  if (body?.['type'] !== 'searchset' || world.holder.retired !== undefined) return;
  const names = (url.split('?')[1] ?? '').split('&').map((pair) => pair.split('=')[0]!);
  const leading = names.filter((name) => name.includes('.') || name.startsWith('_has:'));
  if (leading.length === 0) return;
  const visible = [...truth.present.values()].filter((it) => maySee(caller, it, 's', world.rules));
  for (const { resource, search } of entriesOf(body)) {
    const state = resource && search?.mode === 'match' ? truth.present.get(nameOf(resource)) : undefined;
    for (const name of state ? leading : [])
      expect(isLedTo(state!, decodeURIComponent(name), visible), `${url} found ${nameOf(state!)}`).toBe(true);
  }
}

/** Only what the caller may know of is in the way of a conditional create. */
function refuseInTheWay(world: World, before: Truth, caller: Caller, asked: Asked, { status }: Told): void {
  const criteria = asked.headers?.['if-none-exist'];
  if (criteria === undefined || !world.holder.atomic || (status !== 200 && status !== 412)) return;
  const states = [...before.present.values()].filter(
    (it) => it.resourceType === asked.url && maySee(caller, it, 'crs', world.rules),
  );
  expect(
    states.some((it) => meets(it, criteria) !== false),
    `${asked.url} if none ${criteria}`,
  ).toBe(true);
}

/** What stands behind a link is what is there, to the number. */
function refuseWrongTotal(world: World, truth: Truth, caller: Caller, { url }: Asked, { body }: Told): void {
  if (body?.['type'] !== 'searchset' || body['total'] === undefined) return;
  const type = url.split(/[?/]/, 1)[0]!;
  const visible = [...truth.present.values()].filter(
    (it) => it.resourceType === type && maySee(caller, it, 's', world.rules),
  );
  expect(body['total']).toBeLessThanOrEqual(visible.length);
  const more = (body['link'] as { relation: string }[]).some(({ relation }) => relation === 'next');
  if (more || /_summary=count|_count=0|_page=|_offset=/.test(url)) return;
  expect(body['total']).toBe(entriesOf(body).filter(({ search }) => search?.mode === 'match').length);
}

/** What is not to be seen is answered as what is not there. */
async function refuseTelling(
  world: World,
  truth: Truth,
  caller: Caller,
  asked: Asked,
  told: Told,
): Promise<void> {
  if (told.status === 200 || told.status === 304) return;
  const [path = '', query] = asked.url.split('?');
  const [type = '', id = '', ...rest] = path.split('/');
  const state = truth.present.get(`${type}/${id}`);
  // That the own record is there is known.
  if (type === 'Patient' && [caller.patient, caller.fhirUser?.split('/')[1]].includes(id)) return;
  if (id === '' || id.startsWith('$') || (state && maySee(caller, state, 'r', world.rules))) return;
  const url = [type, 'no-such', ...rest].join('/') + (query === undefined ? '' : `?${query}`);
  const nothing = await world.stack.ask(caller, { ...asked, url });
  expect({ status: told.status, text: told.text }).toEqual({ status: nothing.status, text: nothing.text });
}

/** Every change of the world was one that the caller may make. */
function refuseUnwritten(world: World, before: Truth, after: Truth, caller: Caller): void {
  const find = (type: string, id: string) => before.present.get(`${type}/${id}`);
  for (const [name, state] of after.present) {
    const former = before.present.get(name);
    if (former === state) continue;
    if (!former) {
      expect(mayWrite(caller, state, 'c', find), `create ${name}`).toBe(true);
      continue;
    }
    const seen =
      scopesFor(caller, former.resourceType, 'u').length > 0 && maySee(caller, former, 'u', world.rules);
    expect(seen, `update of unseen ${name}`).toBe(true);
    expect(mayWrite(caller, state, 'u', find), `update ${name}`).toBe(true);
  }
}

function keepPages(world: World, { body }: Told): void {
  for (const { relation, url } of (body?.['link'] ?? []) as { relation: string; url: string }[]) {
    if (relation === 'next') world.pages.push(url.slice(BASE.length + 1));
  }
  if (world.pages.length > 30) world.pages.splice(0, 10);
}

async function anything(world: World, caller: Caller): Promise<void> {
  const { random, holder, stack } = world;
  const asked = requestOf(random, caller, holder.writes, world.pages);
  const before = await truthOf(holder, false);
  const told = await stack.ask(caller, asked);
  const after = await truthOf(holder, asked.method !== 'GET');
  const may = allowed(world, after, caller, asked);
  const said = asked.body ? marksOf(JSON.stringify(asked.body)) : new Set<string>();
  for (const mark of marksOf(told.text))
    if (!said.has(mark) && !may.has(mark)) throw new Error(`${asked.method} ${asked.url} gave ${mark}`);
  refuseUnwritten(world, before, after, caller);
  refuseInTheWay(world, before, caller, asked, told);
  if (asked.method !== 'GET') return;
  refuseUnfound(world, after, caller, asked, told);
  refuseLed(world, after, caller, asked, told);
  refuseWrongTotal(world, after, caller, asked, told);
  await refuseTelling(world, after, caller, asked, told);
  keepPages(world, told);
}

async function batched(world: World, caller: Caller): Promise<void> {
  const { random, holder, stack } = world;
  const asked = Array.from({ length: 3 }, () => requestOf(random, caller, holder.writes, world.pages));
  const before = await truthOf(holder, false);
  const told = await stack.batch(caller, asked);
  const after = await truthOf(holder, holder.writes);
  const said = marksOf(JSON.stringify(asked));
  // Entries run side by side: a state of before or after.
  for (const [at, entry] of entriesOf(told.body).entries()) {
    const one = asked[at]!;
    const may = [before, after].map((truth) => allowed(world, truth, caller, one));
    for (const mark of marksOf(JSON.stringify(entry)))
      if (!said.has(mark))
        expect(
          may.some((marks) => marks.has(mark)),
          one.url,
        ).toBe(true);
  }
}

/** What is allowed and plainly asked for is there. */
async function plainly(world: World, caller: Caller): Promise<void> {
  const { random, stack, rules, holder } = world;
  const truth = await truthOf(holder, false);
  const type = random.pick(TYPES);
  const id = idOf(random, type);
  const state = truth.present.get(`${type}/${id}`);
  if (state && maySee(caller, state, 'r', rules)) {
    const { status, body } = await stack.ask(caller, { method: 'GET', url: `${type}/${id}` });
    expect(status, `${type}/${id}`).toBe(200);
    expect(JSON.stringify(body)).toBe(JSON.stringify(state));
  }
  // What a merge moved is the survivor's, and is found by the survivor.
  if (holder.retired !== undefined && [caller.patient, caller.fhirUser?.split('/')[1]].includes(holder.retired)) return; // prettier-ignore
  const url = plainSearch(random, type);
  if (url.includes('?')) return;
  const pages = await pagesOf(stack, caller, url);
  const [first] = pages;
  if (!first) return;
  // Who must name a patient in a core that has to be told one, and whose scopes name none, is told so.
  const scopes = scopesFor(caller, type, 's');
  if (first.status === 400) {
    expect(scopes.every(({ ends }) => ends === 'at patient') && scopes.length > 0, url).toBe(false);
    return;
  }
  if (scopes.length === 0) {
    expect(first.status).toBe(403);
    return;
  }
  const found = pages.flatMap(({ body }) => entriesOf(body).flatMap(({ resource, search }) => search?.mode === 'match' && resource ? [nameOf(resource)] : [])); // prettier-ignore
  const visible = [...truth.present.values()].filter(
    (it) => it.resourceType === type && maySee(caller, it, 's', rules) && isPlain(caller, it),
  );
  for (const it of visible) expect(found, url).toContain(nameOf(it));
  expect(found.length, url).toBe(new Set(found).size);
}

/** A record that may be read has, page by page, everything of it that may be seen: the Patient first, and nothing twice. */
async function wholly({ random, stack, rules, holder }: World, caller: Caller): Promise<void> {
  const truth = await truthOf(holder, false);
  const id = random.pick(PATIENTS);
  const patient = truth.present.get(`Patient/${id}`);
  if (!patient || !maySee(caller, patient, 'r', rules) || holder.retired !== undefined) return;
  const url = `Patient/${id}/$everything?_count=${1 + random.int(9)}`;
  const pages = await pagesOf(stack, caller, url);
  expect(pages.map(({ status }) => status), url).toEqual(pages.map(() => 200)); // prettier-ignore
  const found = pages.flatMap(({ body }) => entriesOf(body).flatMap(({ resource, search }) => search?.mode === 'match' && resource ? [nameOf(resource)] : [])); // prettier-ignore
  expect(found[0], url).toBe(`Patient/${id}`);
  expect(found.length, url).toBe(new Set(found).size);
  const own = [...truth.present.values()].filter(
    (it) => it.resourceType !== 'Patient' && isSubject(it, id) && maySee(caller, it, 'rs', rules),
  );
  for (const it of own) expect(found, url).toContain(nameOf(it));
}

async function pagesOf(stack: Stack, caller: Caller, url: string): Promise<Told[]> {
  const told: Told[] = [];
  for (let next: string | undefined = url; next !== undefined && told.length < 20;) {
    const page = await stack.ask(caller, { method: 'GET', url: next });
    told.push(page);
    const links = (page.body?.['link'] ?? []) as { relation: string; url: string }[];
    next = links.find(({ relation }) => relation === 'next')?.url.slice(BASE.length + 1);
  }
  return told;
}

function worldBy(seed: number): World {
  const random = createRandom(seed);
  const states = worldOf(random);
  const holder = holderOf(random, states);
  const rules = rulesOf(random);
  const stack = stackOver(holder.backend, { ...rules, native: holder.native, shared: random.chance(0.3) });
  const callers = Array.from({ length: 8 }, () => callerOf(random));
  return { random, holder, stack, rules, callers, pages: [] };
}

describe('whoever asks for whatever', () => {
  it(
    'gets and changes no more than the grants allow, and what they plainly allow',
    async () => {
      for (let done = 0, seed = FIRST_SEED; done < CASES; seed += 1) {
        const world = worldBy(seed);
        const { random } = world;
        for (let at = 0; at < CASES_OF_A_WORLD; at += 1, done += 1) {
          const caller = random.pick(world.callers);
          const way = random.int(20);
          try {
            if (way === 0) await batched(world, caller);
            else if (way < 5) await plainly(world, caller);
            else if (way === 5) await wholly(world, caller);
            else await anything(world, caller);
          } catch (error) {
            throw new Error(`seed ${seed}, case ${at}, ${JSON.stringify(caller)}`, { cause: error });
          }
        }
      }
    },
    30 * 60_000,
  );
});
