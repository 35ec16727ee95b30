import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import { createSourceBackend } from '../../src/search/backend.ts';
import { compileFilters } from '../../src/search/match.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import type { SearchSet } from '../../src/fhir/search-query.ts';
import { systemClock } from '../../src/clock.ts';
import { createTestClock } from '../unit/events/feed/support.ts';
import { query, sealer } from '../unit/search/support.ts';
import { openScene, startScene, type Scene } from './hl7v2-core.ts';

const zone = createTimeZone('Europe/Berlin');

/** Asks as a client does: planned, pushed down, checked again, paged. */
function searching(scene: Scene) {
  const pages = sealer(systemClock);
  const backend = createSourceBackend(scene.source, { clock: systemClock, pages, zone, defaultCount: 20 });
  const page = async (text: string): Promise<SearchSet> => {
    const request = {
      interaction: 'search',
      type: 'Patient',
      query: query('Patient', text),
      handling: 'strict',
    } as const;
    const { body } = await backend.handle(request, scene.context());
    if (body.kind !== 'searchset') throw new Error('no searchset');
    return body.set;
  };
  /** All pages, as a client follows `next`. */
  const all = async (text: string): Promise<{ sets: SearchSet[]; ids: string[] }> => {
    const sets = [await page(text)];
    for (let next = sets[0]!.next; next !== undefined; next = sets.at(-1)!.next)
      sets.push(await page(`${text}&_page=${next}`));
    return { sets, ids: sets.flatMap(({ matches }) => matches.map(({ id }) => id!)) };
  };
  return { page, all };
}

/** Every patient of the core, read one by one. */
async function everyone(scene: Scene): Promise<Resource[]> {
  const keys = scene.core
    .hospital()
    .patients.all()
    .map(({ pid }) => {
      const [number, , , authority] = pid.fields[2]![0]!;
      return `${authority![0]}|${number![0]}`;
    });
  return Promise.all(keys.map((key) => scene.source.read('Patient', key, scene.context())));
}

let scene: Awaited<ReturnType<typeof startScene>>;
let patients: readonly Resource[];
beforeAll(async () => {
  scene = await startScene({ connections: 4 });
  patients = await everyone(scene);
});
afterAll(() => scene.close());

describe('Patient.search over QBP^Q22', () => {
  // A new case is a row: what is asked, and how many of the seed it finds.
  it.each([
    ['family=haller', 1],
    ['family=HALLER', 1],
    ['family=oneill', 1],
    ["family=o'neill", 1],
    ['family=ludenscheidt', 1],
    ['family=márquez', 1],
    ['family=marquez', 1],
    ['family=Παπαδόπουλοσ', 1],
    ['family=соколова', 1],
    ['family=王', 1],
    ['family=al ahmad', 1],
    ['family=alahmad', 1],
    ['family:exact=Nowak', 3],
    ['family:exact=nowak', 0],
    ['family:contains=wak', 3],
    ['family=kowalska', 1],
    ['family=pipe|caret^tilde', 1],
    ['given=maria', 2],
    ['given=áine', 1],
    ['given=heinz', 0],
    ['given:contains=heinz', 1],
    ['given=anton', 0],
    ['given:exact=Maria', 1],
    ['name=maria', 2],
    ['name=no', 3],
    ['name:exact=Nowak', 3],
    ['name=thomas', 1],
    ['identifier=urn:oid:2.999.1.1|100001', 1],
    ['identifier=urn:oid:2.999.1.1|100077', 1],
    ['identifier=urn:oid:2.999.1.2|C-20011', 1],
    ['identifier=100001', 1],
    ['identifier=C-20011', 1],
    ['identifier=urn:oid:1.2.3.4|100001', 0],
    ['identifier=urn:oid:2.999.1.1|100001,urn:oid:2.999.1.2|C-20101', 2],
    ['birthdate=2019-07-04', 2],
    ['birthdate=1980-03', 1],
    ['birthdate=1962', 1],
    ['birthdate=1962-03-14&gender=female', 1],
    ['birthdate=1962-03-14&gender:not=female', 0],
    ['family=nowak&given=le&gender=male', 1],
    ['family=no&birthdate=ge2000', 2],
    ['gender=unknown&family=u', 1],
    ['family=test&gender=other', 1],
    ['address-postalcode=01097&family=h', 1],
    ['phone=+49 351 555 0101', 1],
    ['email=j.haller@mail.example', 1],
    ['telecom=+49 351 555 9900', 1],
    ['telecom=j.haller@mail.example', 1],
    ['family=nowak,haller', 4],
    ['family=no&family=ak', 0],
    ['family=no&family:contains=ak', 3],
  ])('%s finds everybody who matches, and nobody else', async (text, count) => {
    const matches = compileFilters('Patient', query('Patient', text).filters, {
      zone,
      now: systemClock.now(),
    });
    const expected = patients.filter(matches).map(({ id }) => id!);
    const { ids } = await searching(scene).all(text);
    expect(ids.toSorted()).toEqual(expected.toSorted());
    expect(ids).toHaveLength(count);
  });

  it.each([
    '',
    'gender=female',
    'birthdate=ge1980-01-01',
    'address=Bonn',
    'active=true',
    'identifier=http://example.org/cards|1',
    'identifier=http://hospix.example/appointment-numbers|A50001',
  ])('refuses %s, which would read the whole index', async (text) => {
    await expect(searching(scene).page(text)).rejects.toMatchObject({ code: 'too-costly', status: 400 });
  });

  it('says which systems it knows, and repeats nothing of the one it does not', async () => {
    const asked = searching(scene).page('identifier=http://example.org/cards/of/Haller|1');
    await expect(asked).rejects.toMatchObject({
      code: 'too-costly',
      message:
        'The system of identifier is not one that this search knows. It knows urn:oid:2.999.1.1, urn:oid:2.999.1.2, urn:oid:2.999.1.99.',
      issues: [expect.objectContaining({ expression: ['identifier'] })],
    });
    // What bounds the search all the same is asked for.
    const { matches } = await searching(scene).page('identifier=http://example.org/cards|1&family=haller');
    expect(matches).toEqual([]);
  });

  it('refuses a character that the line cannot carry', async () => {
    const latin = await startScene({ charset: '8859/1' });
    await expect(searching(latin).page('family=王')).rejects.toMatchObject({ code: 'search-unsupported' });
    await latin.close();
  });

  it('tells that a number without its system was looked up in the registered systems', async () => {
    const { issues, total } = await searching(scene).page('identifier=C-20101');
    expect(total).toBe(1);
    expect(issues).toEqual([
      expect.objectContaining({ severity: 'information', expression: ['identifier'] }),
    ]);
  });
});

describe('paging by DSC', () => {
  it.each([1, 2, 7, 100])(
    'gives every match once in pages of %i, one query of the core for each',
    async (size) => {
      scene.core.journal.clear();
      const { sets, ids } = await searching(scene).all(`family:contains=e&_count=${size}`);
      const matches = compileFilters('Patient', query('Patient', 'family:contains=e').filters, {
        zone,
        now: 0,
      });
      expect(ids.toSorted()).toEqual(
        patients
          .filter(matches)
          .map(({ id }) => id!)
          .toSorted(),
      );
      expect(new Set(ids).size).toBe(ids.length);
      expect(sets.every((set) => set.matches.length <= size)).toBe(true);
      expect(scene.received('QBP^Q22')).toHaveLength(sets.length);
    },
  );

  it.each([
    ['name=a', 1],
    ['name=a', 5],
    ['name=e', 3],
    ['name:contains=an', 2],
  ])(
    'gives everybody once whom %s finds as a family name and as a given one, in pages of %i',
    async (text, size) => {
      const matches = compileFilters('Patient', query('Patient', text).filters, { zone, now: 0 });
      const expected = patients.filter(matches).map(({ id }) => id!);
      const { ids } = await searching(scene).all(`${text}&_count=${size}`);
      expect(expected.length).toBeGreaterThan(size);
      expect(ids.toSorted()).toEqual(expected.toSorted());
    },
  );

  it('gives everybody once who is found in two ways and stands in neither: by a title, which the core cannot be asked for', async () => {
    const own = await openScene();
    const titled = (family: string, given: string): Resource => ({
      resourceType: 'Patient',
      name: [{ family, given: [given], prefix: ['Adm.'] }],
    });
    // The letters stand in both names, so that the core finds them twice; the names do not begin with them.
    for (const [family, given] of [
      ['Nadom', 'Radim'],
      ['Badame', 'Vladimir'],
      ['Tadema', 'Ladomir'],
    ] as const)
      // prettier-ignore
      await own.source.create('Patient', titled(family, given), own.context());
    const everybody = await everyone(own);
    const matches = compileFilters('Patient', query('Patient', 'name=adm').filters, { zone, now: 0 });
    const expected = everybody.filter(matches).map(({ id }) => id!);
    expect(expected.length).toBeGreaterThanOrEqual(3);
    for (const size of [1, 2, 50]) {
      const { ids } = await searching(own).all(`name=adm&_count=${size}`);
      expect(ids.toSorted()).toEqual(expected.toSorted());
    }
  });

  it('continues one query: the same tag, the pointer of the core, a control id of its own', async () => {
    const context = scene.context();
    const filters = query('Patient', 'family:contains=a').filters;
    const first = await scene.source.search('Patient', filters, { count: 2 }, context);
    const [way, tag, pointer] = JSON.parse(first.next!) as [number, string, string];
    expect(way).toBe(0);
    expect(tag).toMatch(/^[0-9A-Z]{15}$/);
    const second = await scene.source.search('Patient', filters, { count: 2, cursor: first.next! }, context);
    const [, sameTag, nextPointer] = JSON.parse(second.next!) as [number, string, string];
    expect(sameTag).toBe(tag);
    expect(nextPointer).not.toBe(pointer);
    const ids = scene.received('QBP^Q22').map(({ controlId }) => controlId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('cancels a query that is not continued, which the core then has forgotten', async () => {
    const filters = query('Patient', 'family:contains=a').filters;
    const { next } = await scene.source.search('Patient', filters, { count: 2 }, scene.context());
    scene.source.abandon('Patient', next!);
    await expect.poll(() => scene.received('QCN^J01')).toHaveLength(1);
    const again = scene.source.search('Patient', filters, { count: 2, cursor: next! }, scene.context());
    await expect(again).rejects.toMatchObject({ code: 'page-expired', status: 410 });
  });

  it('cancels a query that nobody continues while its page token lasts, and no other', async () => {
    const pageLifetimeMs = 1_800_000;
    const pages = createTestClock();
    const own = await startScene({
      pageLifetimeMs,
      clock: {
        now: () => systemClock.now(),
        after: (ms, callback) => (ms === pageLifetimeMs ? pages : systemClock).after(ms, callback),
      },
    });
    const filters = query('Patient', 'family:contains=a').filters;
    const ask = (cursor?: string) =>
      own.source.search(
        'Patient',
        filters,
        { count: 2, ...(cursor === undefined ? {} : { cursor }) },
        own.context(),
      );
    const ended = await own.source.search('Patient', filters, { count: 100 }, own.context());
    expect(ended.next).toBeUndefined();
    let { next } = await ask();
    for (const _page of [1, 2, 3]) {
      pages.advance(0.4 * pageLifetimeMs);
      ({ next } = await ask(next));
    }
    expect(own.received('QCN^J01')).toEqual([]);
    pages.advance(pageLifetimeMs);
    await expect.poll(() => own.received('QCN^J01')).toHaveLength(1);
    await expect(ask(next)).rejects.toMatchObject({ code: 'page-expired' });
    await own.close();
  });

  it.each(['', '[]', '{"way":1}', '[99,"T","P"]', '[-1]', '[0,1,2]'])(
    'refuses the cursor %s',
    async (cursor) => {
      const filters = query('Patient', 'family=a').filters;
      const page = scene.source.search('Patient', filters, { count: 2, cursor }, scene.context());
      await expect(page).rejects.toMatchObject({ code: 'page-expired' });
    },
  );
});
