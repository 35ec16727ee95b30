import { beforeAll, describe, expect, it } from 'vitest';
import { createAuditBackend } from '../../../src/audit/backend.ts';
import { link } from '../../../src/audit/chain.ts';
import { factsOf } from '../../../src/audit/facts.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { createLogger } from '../../../src/log.ts';
import type { Backend, RequestContext } from '../../../src/ports.ts';
import { createPageSealer } from '../../../src/search/page.ts';
import { parseSearch } from '../../../src/search/parse.ts';
import { createTimeZone } from '../../../src/search/time-zone.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { createMemoryAuditStore } from '../../../src/store/memory-audit.ts';
import { openAuditStore } from '../../../src/store/sqlite-audit.ts';
import { entry } from './entries.ts';

const BASE = 'https://ehr.example/fhir/r4';
const RULES = {
  serves: () => true,
  parameter: () => ({ modifiers: ['identifier', 'not'] }),
  include: () => false,
};
const START = Date.parse('2026-03-01T10:00:00Z');

function contextOf(roles: readonly string[]): RequestContext {
  return {
    requestId: 'r',
    traceparent: '',
    principal: {
      key: 'officer',
      access: {
        grants: [],
        purposes: [],
        mayBreakGlass: false,
        roles,
        issuer: 'https://issuer.example',
        subject: 'officer',
        tokenId: 't',
      },
    },
    address: '127.0.0.1',
    signal: AbortSignal.timeout(5_000),
    deadline: Date.now() + 5_000,
    log: createLogger({ level: 'silent' }),
    timing: () => {},
  };
}
const OFFICER = contextOf(['privacy-officer']);

const ENTRIES: readonly Partial<AuditEntry>[] = [
  { patients: ['p1'] },
  {
    patients: ['p1', 'p2'],
    kind: 'query',
    action: 'Observation.search',
    query: 'Observation?code=x',
    references: [],
  },
  { kind: 'refused', outcome: 'refused', errorCode: 'unauthenticated', patients: [], references: [], agent: { subject: 'anonymous' } }, // prettier-ignore
  {
    patients: ['p2'],
    agent: { subject: 'p2', fhirUser: 'Patient/p2', tokenId: 'jti 2' },
    requestId: 'request-2',
  },
  { exchanges: [{ backend: 'core', messageId: 'M42', acknowledgement: 'AA' }], outcome: 'failed' },
  { kind: 'break-glass', patients: ['p3'], references: [], action: 'Observation.read' },
];

describe.each([
  ['in memory', createMemoryAuditStore],
  ['in a file', () => openAuditStore(':memory:', { durability: 'normal' })],
])('AuditEvents of a trail %s', (_name, open) => {
  let backend: Backend;
  beforeAll(() => {
    const store = open();
    for (const [day, one] of ENTRIES.entries())
      store.append((head) => link(head, factsOf(entry(one)), START + day * 86_400_000));
    backend = createAuditBackend({
      store,
      source: { publicBase: BASE },
      clock: systemClock,
      pages: createPageSealer({ keys: [{ id: 'a', secret: new Uint8Array(32) }], clock: systemClock, lifetimeMs: 60_000 }), // prettier-ignore
      zone: createTimeZone('UTC'),
      base: BASE,
      defaultCount: 20,
    });
  });

  async function search(text: string, context = OFFICER) {
    const query = parseSearch('AuditEvent', [...new URLSearchParams(text)], {
      rules: RULES,
      handling: 'strict',
      base: BASE,
      maxCount: 100,
    });
    const { body, servedBy } = await backend.handle(
      { interaction: 'search', type: 'AuditEvent', handling: 'strict', query },
      context,
    );
    expect(servedBy).toBe('ficus');
    if (body.kind !== 'searchset') throw new Error(body.kind);
    return body.set;
  }
  const idsOf = (resources: readonly Resource[]) => resources.map(({ id }) => Number(id));

  it.each([
    ['', [7, 6, 5, 4, 3, 2, 1]],
    ['patient=p1', [6, 2, 1]],
    ['patient=Patient/p2', [5, 3]],
    ['entity=Patient/p3', [7]],
    ['entity=Observation/o1', [6, 5, 1]],
    ['entity:identifier=M42', [6]],
    ['entity:identifier=request-2', [5]],
    ['agent=Practitioner/17', [7, 6, 3, 2, 1]],
    ['agent=Patient/p2', [5]],
    ['agent:identifier=ward-board', [7, 6, 3, 2, 1]],
    ['action=E', [7, 4, 3, 2]],
    ['action=E,R&outcome=0', [7, 5, 3, 2, 1]],
    ['outcome=4', [4]],
    ['outcome:not=0', [6, 4]],
    ['type=rest', [6, 5, 3, 2, 1]],
    ['type=http://dicom.nema.org/resources/ontology/DCM|110113', [7, 4]],
    ['subtype=break-glass', [7]],
    ['subtype=search-type', [3, 2]],
    ['subtype=110126', [4]],
    ['policy=urn:ietf:params:oauth:jti:jti%252', [5]],
    ['policy=urn:ietf:params:oauth:jti:jti-1', [7, 6, 3, 2, 1]],
    ['date=2026-03-02', [3, 2]],
    ['date=ge2026-03-02&date=lt2026-03-04', [4, 3, 2]],
    ['_lastUpdated=gt2026-03-05', [7]],
    ['_id=2,4', [2, 4]],
    ['patient=p1&date=2026-03-01', [1]],
    ['_sort=-date&_total=accurate&patient=p2', [5, 3]],
    ['_sort=date', [1, 2, 3, 4, 5, 6, 7]],
  ])('are found by %s', async (text, ids) => {
    expect(idsOf((await search(text.replace('%252', '%25202'))).matches)).toEqual(ids);
  });

  it('are given a page at a time, each once', async () => {
    const seen: number[] = [];
    let next = '';
    do {
      const set = await search(`_count=2${next}`);
      seen.push(...idsOf(set.matches));
      next = set.next === undefined ? '' : `&_page=${encodeURIComponent(set.next)}`;
    } while (next !== '');
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  it('are read by id', async () => {
    const read = (id: string) => backend.handle({ interaction: 'read', type: 'AuditEvent', id, handling: 'strict' }, OFFICER); // prettier-ignore
    expect(await read('4')).toMatchObject({ status: 200, body: { resource: { id: '4', outcomeDesc: 'unauthenticated' } } }); // prettier-ignore
    for (const id of ['99', '0', 'x', '4.0'])
      await expect(read(id)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('are for privacy officers alone, whatever else somebody may', async () => {
    const { principal: _known, ...nobody } = OFFICER;
    for (const context of [
      contextOf([]),
      contextOf(['admin', 'viewer']),
      { ...nobody, principal: { key: 'anonymous' } },
    ])
      await expect(search('patient=p1', context)).rejects.toMatchObject({ code: 'forbidden' });
  });
});
