import { describe, expect, it } from 'vitest';
import { audit } from '../../../src/audit/layer.ts';
import { FicusError } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { Written, setOfWritten } from '../../../src/fhir/written.ts';
import type { Backend, FhirBody, FhirRequest, FhirResponse, RequestContext } from '../../../src/ports.ts';
import type { Access, AuditEntry, AuditSink } from '../../../src/security-ports.ts';
import { createLogger } from '../../../src/log.ts';

const access: Access = {
  grants: [],
  purposes: ['TREAT'],
  mayBreakGlass: false,
  roles: [],
  issuer: 'https://issuer.example',
  subject: 'nurse-7',
  tokenId: 'jti-1',
  fhirUser: 'Practitioner/17',
};

function contextOf(changes: Partial<RequestContext> = {}): RequestContext {
  return {
    requestId: 'request-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    principal: { key: 'nurse-7', client: 'ward-board', access },
    address: '192.0.2.7',
    signal: new AbortController().signal,
    deadline: Date.now() + 1_000,
    log: createLogger({ level: 'silent' }),
    timing: () => {},
    ...changes,
  };
}

/** A sink that keeps what it is told. */
function keeping(): AuditSink & { readonly entries: AuditEntry[] } {
  const entries: AuditEntry[] = [];
  return { entries, write: async (more) => void entries.push(...more) };
}

function answering(body: FhirBody, changes: Partial<FhirResponse> = {}): Backend {
  return { handle: async () => ({ status: 200, headers: {}, body, servedBy: 'legacy:core', ...changes }) };
}

const observation = (id: string, patient: string): Resource => ({
  resourceType: 'Observation',
  id,
  subject: { reference: `Patient/${patient}` },
});
const READ: FhirRequest = { interaction: 'read', type: 'Observation', id: 'o1', handling: 'strict' };
const SEARCH: FhirRequest = {
  interaction: 'search',
  type: 'Observation',
  handling: 'lenient',
  query: { type: 'Observation', filters: [], sort: [], include: [], applied: [['code', 'x']], ignored: [] },
  asked: [
    ['code', 'x'],
    ['nonsense', 'Roe & Co'],
  ],
};

async function recorded(
  backend: Backend,
  request: FhirRequest,
  context = contextOf(),
): Promise<AuditEntry[]> {
  const sink = keeping();
  await audit(sink)(backend)
    .handle(request, context)
    .catch(() => {});
  return sink.entries;
}

describe('the audit Layer', () => {
  it('records $everything as one entry about the patient, with what was asked for', async () => {
    const matches = [{ resourceType: 'Patient', id: 'p1' }, observation('o1', 'p1'), observation('o2', 'p1')];
    const backend = answering({ kind: 'searchset', set: { matches, included: [], issues: [] } });
    const query = { ...SEARCH.query!, type: 'Patient', address: 'Patient/p1/$everything' };
    const everything: FhirRequest = {
      interaction: 'everything',
      type: 'Patient',
      id: 'p1',
      handling: 'lenient',
      query,
      everything: {},
      asked: [['_type', 'Observation']],
    };
    expect(await recorded(backend, everything)).toMatchObject([
      {
        kind: 'everything',
        action: 'Patient.everything',
        patients: ['p1'],
        references: ['Patient/p1'],
        query: 'Patient/p1/$everything?_type=Observation',
      },
    ]);
  });

  it('records who read what of whom, with the messages that it took', async () => {
    const backend: Backend = {
      async handle(_request, context) {
        context.exchanged?.({ backend: 'core', messageId: 'M1', acknowledgement: 'AA' });
        return {
          status: 200,
          headers: {},
          body: { kind: 'resource', resource: observation('o1', 'p1') },
          servedBy: 'legacy:core',
        };
      },
    };
    expect(await recorded(backend, READ)).toEqual([
      {
        kind: 'read',
        outcome: 'success',
        agent: {
          subject: 'nurse-7',
          issuer: 'https://issuer.example',
          client: 'ward-board',
          fhirUser: 'Practitioner/17',
          tokenId: 'jti-1',
          roles: [],
          purposes: ['TREAT'],
          address: '192.0.2.7',
        },
        requestId: 'request-1',
        action: 'Observation.read',
        patients: ['p1'],
        references: ['Observation/o1'],
        servedBy: 'legacy:core',
        exchanges: [{ backend: 'core', messageId: 'M1', acknowledgement: 'AA' }],
      },
    ]);
  });

  it('knows every patient of a search, taken apart or not, included or referred to twice', async () => {
    const set = {
      matches: [observation('o1', 'p1'), observation('o2', 'p2'), observation('o3', 'p1')],
      included: [{ resourceType: 'Patient', id: 'p3' }],
      issues: [],
    };
    const [entry] = await recorded(answering({ kind: 'searchset', set }), SEARCH);
    expect(entry).toMatchObject({
      kind: 'query',
      patients: ['p1', 'p2', 'p3'],
      references: [],
      query: 'Observation?code=x&nonsense=Roe%20%26%20Co',
    });
    const unread = (): never => {
      throw new Error('it was taken apart');
    };
    const written = setOfWritten(
      [
        new Written('Observation', 'o1', JSON.stringify(observation('o1', 'p1')), unread),
        new Written('Patient', 'p4', '{"resourceType":"Patient","id":"p4"}', unread),
      ],
      { included: [], issues: [] },
    );
    const [other] = await recorded(answering({ kind: 'searchset', set: written }), SEARCH);
    expect(other?.patients).toEqual(['p1', 'p4']);
  });

  it('knows of an answer that is passed on unread only whom the request names, and says so', async () => {
    let discarded = 0;
    const pipe = { kind: 'pipe', pipe: async () => {}, discard: () => void (discarded += 1) } as const;
    const [entry] = await recorded(answering(pipe), { ...READ, type: 'Patient', id: 'p7' });
    expect(entry).toMatchObject({
      patients: ['p7'],
      details: { patients: expect.stringContaining('unread') },
    });
    expect(discarded).toBe(0);
  });

  it('knows of one that has come whole whom it names, and passes the same bytes on', async () => {
    const text = JSON.stringify({
      resourceType: 'Bundle',
      entry: [
        { resource: { resourceType: 'Patient', id: 'p8' } },
        {
          resource: {
            ...observation('o1', 'p9'),
            performer: [{ reference: `https://ehr.example/Patient/p10` }],
          },
        },
      ],
    });
    const bytes = Buffer.from(text);
    const body = { kind: 'pipe', pipe: async () => {}, discard: () => {}, whole: () => bytes } as const;
    const sink = keeping();
    const answer = await audit(sink)(answering(body)).handle(SEARCH, contextOf());
    expect(sink.entries).toMatchObject([{ patients: ['p9', 'p10', 'p8'] }]);
    expect(sink.entries[0]?.details).toBeUndefined();
    expect(answer.body.kind === 'pipe' && answer.body.whole?.()?.toString()).toBe(text);
    // What is packed is not unpacked for this.
    const [entry] = await recorded(answering(body, { headers: { 'content-encoding': 'gzip' } }), SEARCH);
    expect(entry?.details).toBeDefined();
  });

  it('records of a create what was made, and of whom', async () => {
    const request: FhirRequest = {
      interaction: 'create',
      type: 'Observation',
      handling: 'strict',
      resource: { resourceType: 'Observation', subject: { reference: 'Patient/p1' } },
    };
    const made = answering(
      { kind: 'none' },
      { status: 201, headers: { location: 'Observation/o9/_history/1' } },
    );
    expect(await recorded(made, request)).toMatchObject([
      { kind: 'create', patients: ['p1'], references: ['Observation/o9'] },
    ]);
  });

  it('records what failed, and whether it was refused', async () => {
    for (const [code, outcome] of [
      ['forbidden', 'refused'],
      ['not-found', 'refused'],
      ['timeout', 'failed'],
      ['internal', 'failed'],
    ] as const) {
      const failing: Backend = { handle: () => Promise.reject(new FicusError(code, 'no')) };
      expect(await recorded(failing, READ)).toMatchObject([
        { kind: 'read', outcome, errorCode: code, references: ['Observation/o1'] },
      ]);
    }
    const [unexpected] = await recorded({ handle: () => Promise.reject(new TypeError('Jane Roe')) }, READ);
    expect(unexpected).toMatchObject({ outcome: 'failed', errorCode: 'internal' });
  });

  it('records a caller who is bound to one patient under that patient, though nothing was found', async () => {
    const set = { matches: [], included: [], issues: [] };
    const context = contextOf({ principal: { key: 'a', access: { ...access, patient: 'p5' } } });
    const [entry] = await recorded(answering({ kind: 'searchset', set }), SEARCH, context);
    expect(entry?.patients).toEqual(['p5']);
  });

  it('calls reading the trail what it is, without those whom it tells of', async () => {
    const event: Resource = {
      resourceType: 'AuditEvent',
      id: '7',
      entity: [{ what: { reference: 'Patient/p1' } }],
    };
    const [entry] = await recorded(answering({ kind: 'resource', resource: event }), { ...READ, type: 'AuditEvent', id: '7' }); // prettier-ignore
    expect(entry).toMatchObject({ kind: 'audit-read', patients: [], references: ['AuditEvent/7'] });
  });

  it('records nothing of what Ficus asks on its own account', async () => {
    const { address: _none, ...own } = contextOf();
    const found = answering({ kind: 'resource', resource: observation('o1', 'p1') });
    expect(await recorded(found, READ, own)).toEqual([]);
  });

  it('gives no answer before it is recorded', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let answered = false;
    const found = answering({ kind: 'resource', resource: observation('o1', 'p1') });
    const answer = audit({ write: () => promise })(found).handle(READ, contextOf());
    void answer.then(() => (answered = true));
    await new Promise((done) => setImmediate(done));
    expect(answered).toBe(false);
    resolve();
    expect((await answer).status).toBe(200);
  });

  it('tells the sink what is coming, until it is there, however it ends', async () => {
    const told: string[] = [];
    const sink: AuditSink = {
      coming: { begin: () => void told.push('begin'), end: () => void told.push('end') },
      write: async () => void told.push('write'),
    };
    const failing: Backend = { handle: () => Promise.reject(new FicusError('timeout', 'no')) };
    await audit(sink)(answering({ kind: 'none' })).handle(READ, contextOf());
    await audit(sink)(failing)
      .handle(READ, contextOf())
      .catch(() => {});
    expect(told).toEqual(['begin', 'end', 'write', 'begin', 'end', 'write']);
  });

  it('gives none that cannot be recorded: a stream is given up, a write is in doubt', async () => {
    const refusal = new FicusError('unavailable', 'not now');
    const refusing = audit({ write: () => Promise.reject(refusal) });
    let discarded = 0;
    const pipe = { kind: 'pipe', pipe: async () => {}, discard: () => void (discarded += 1) } as const;
    await expect(refusing(answering(pipe)).handle(READ, contextOf())).rejects.toBe(refusal);
    expect(discarded).toBe(1);
    const failing: Backend = { handle: () => Promise.reject(new FicusError('not-found', 'no')) };
    await expect(refusing(failing).handle(READ, contextOf())).rejects.toBe(refusal);
    const write: FhirRequest = { interaction: 'create', type: 'Observation', handling: 'strict' };
    const made = answering({ kind: 'none' }, { status: 201 });
    await expect(refusing(made).handle(write, contextOf())).rejects.toMatchObject({
      code: 'outcome-unknown',
    });
  });
});
