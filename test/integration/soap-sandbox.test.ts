import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childOf, childrenOf, element } from '../../adapters/soap/xml-element.ts';
import type { XmlElement } from '../../adapters/soap/xml-element.ts';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { callOf, connect } from './soap-service.ts';

const NS = 'http://hospix.example/clinical/2009/11';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
});
afterAll(() => sandbox.close());

function find(operation: string, ...criteria: XmlElement[]): { action: string; body: XmlElement } {
  return { action: `${NS}/${operation}`, body: element(NS, operation, criteria) };
}

async function control<T>(path: string): Promise<T> {
  return (await (await fetch(`${sandbox.addresses.control}${path}`)).json()) as T;
}

describe.each(['1.1', '1.2'] as const)('the sandbox core, called by SOAP %s', (version) => {
  const client = () => {
    const { user, password } = sandbox.credentials!;
    return connect(sandbox.addresses.soap, {
      version,
      security: { username: user, password },
      addressing: true,
    });
  };

  it('finds records, page by page', async () => {
    const mrn = await firstMrn();
    const numbers = new Set<string>();
    let token: string | undefined;
    const soap = client();
    do {
      const page = token === undefined ? [] : [element(NS, 'PageToken', token)];
      const patient = element(NS, 'Patient', [
        element(NS, 'MRN', mrn),
        element(NS, 'AssigningAuthority', 'HOSP'),
      ]);
      const reply = await soap.call(
        callOf('query', find('FindObservations', patient, element(NS, 'MaxRows', '2'), ...page)),
      );
      if (reply.kind !== 'answer') throw new Error(reply.fault.text);
      expect(childOf(childOf(reply.body, NS, 'Result')!, NS, 'ReturnCode')?.text).toBe('0');
      const rows = childrenOf(childOf(reply.body, NS, 'Observations')!, NS, 'Observation');
      expect(rows.length).toBeLessThanOrEqual(2);
      for (const row of rows) numbers.add(childOf(row, NS, 'ObsNo')!.text);
      token = childOf(childOf(reply.body, NS, 'Page')!, NS, 'NextPageToken')?.text;
    } while (token !== undefined);
    expect(numbers.size).toBeGreaterThan(2);
  });

  it('lists our message id among what it received', async () => {
    const reply = await client().call(callOf('query', find('GetAllergy', element(NS, 'AllergyNo', 'none'))));
    const { received } = await control<{ received: { controlId?: string }[] }>('/received');
    expect(received.map(({ controlId }) => controlId)).toContain(reply.messageId);
  });

  it('says a Fault to what it does not know', async () => {
    const reply = await client().call(callOf('query', find('Nothing')));
    const code = version === '1.1' ? 'Client' : 'Sender';
    expect(reply).toMatchObject({
      kind: 'fault',
      fault: { version, code, detail: [{ ns: NS, local: 'ServiceFault' }] },
    });
  });

  it('turns us away with another password', async () => {
    const security = { username: sandbox.credentials!.user, password: 'other' };
    const soap = connect(sandbox.addresses.soap, { version, security });
    const { kind, ...rest } = await soap.call(
      callOf('query', find('GetAllergy', element(NS, 'AllergyNo', 'none'))),
    );
    expect(kind).toBe('fault');
    const fault = 'fault' in rest ? rest.fault : undefined;
    expect([fault?.code, fault?.subcode]).toContain('FailedAuthentication');
  });
});

/** The first of the demo patients, whose record is complete. */
async function firstMrn(): Promise<string> {
  const { patients } = await control<{ patients: { mrn: string; authority: string }[] }>('/patients');
  return patients.find(({ authority }) => authority === 'HOSP')!.mrn;
}
