import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { listen as listenSoap, passwordDigest } from 'soap';
import type { Server as SoapServer } from 'soap';
import { describe, expect, it } from 'vitest';
import type { SoapVersion } from '../../adapters/soap/soap-version.ts';
import { childOf, childrenOf, element } from '../../adapters/soap/xml-element.ts';
import type { XmlElement } from '../../adapters/soap/xml-element.ts';
import { callOf, closeAfterwards, connect, listen } from './soap-service.ts';

// The npm soap package, an implementation of its own, as the service of the sandbox's WSDL; our client calls it.

const WSDL = readFileSync(new URL('../../sandbox/legacy-core/hospital.wsdl', import.meta.url), 'utf8');
const NS = 'http://hospix.example/clinical/2009/11';
const USER = { username: 'ficus', password: 'geheim & ü' };

interface FindAllergies {
  readonly Patient: { readonly MRN: string; readonly AssigningAuthority: string };
  readonly RecordStatus?: string | string[];
}

interface SecurityHeader {
  readonly Timestamp?: { readonly Created: string; readonly Expires: string };
  readonly UsernameToken?: {
    readonly Username: string;
    readonly Password: { readonly $value: string };
    readonly Nonce: { readonly $value: string };
    readonly Created: string;
  };
}

/** A service that answers what it was asked, so that the answer shows how it was understood. */
const operations = {
  FindAllergies({ Patient, RecordStatus }: FindAllergies) {
    if (Patient.MRN === 'unknown') throw faultOf('UNKNOWN_PATIENT');
    const record = (status: string, index: number): object => ({
      AllergyNo: `000${index}`,
      RowVersion: 1,
      Patient: { ...Patient, DisplayName: "Zoë O'Neil-王 & <Sons>" },
      RecordStatus: status,
      Allergen: { Code: 'PEN', Text: '  Penicillin\nG ' },
    });
    const statuses = [RecordStatus ?? []].flat();
    return {
      Result: { ReturnCode: 0, ServerTime: '2026-03-01T08:30:00' },
      Allergies: { Allergy: statuses.map(record) },
    };
  },
};

let version: SoapVersion = '1.1';

function faultOf(code: string): Error {
  const detail = { ServiceFault: { Code: code } };
  const fault =
    version === '1.1'
      ? { faultcode: 'soap:Client', faultstring: 'No such patient', detail }
      : {
          Code: { Value: 'soap:Sender', Subcode: { Value: 'soap:Unknown' } },
          Reason: { Text: 'No such patient' },
          Detail: detail,
        };
  return Object.assign(new Error(code), { Fault: { ...fault, statusCode: 500 } });
}

async function start(of: SoapVersion): Promise<{ url: string; server: SoapServer; seen: SecurityHeader[] }> {
  version = of;
  const http = createServer();
  const port = await listen(http);
  const services = { ClinicalService: { ClinicalSoap11: operations, ClinicalSoap12: operations } };
  const server = listenSoap(http, {
    path: '/ClinicalService',
    services,
    xml: WSDL,
    forceSoap12Headers: of === '1.2',
  });
  closeAfterwards(() => http.closeAllConnections());
  const seen: SecurityHeader[] = [];
  server.authenticate = (header: SecurityHeader) => {
    seen.push(header);
    const token = header.UsernameToken;
    if (token === undefined || token.Username !== USER.username) return false;
    return passwordDigest(token.Nonce.$value, token.Created, USER.password) === token.Password.$value;
  };
  return { url: `http://127.0.0.1:${port}/ClinicalService`, server, seen };
}

function findAllergies(mrn: string, ...statuses: string[]): { action: string; body: XmlElement } {
  const patient = element(NS, 'Patient', [
    element(NS, 'MRN', mrn),
    element(NS, 'AssigningAuthority', 'HOSP'),
  ]);
  const criteria = statuses.map((status) => element(NS, 'RecordStatus', status));
  return { action: `${NS}/FindAllergies`, body: element(NS, 'FindAllergies', [patient, ...criteria]) };
}

describe.each(['1.1', '1.2'] as const)('the npm soap package as a SOAP %s service', (of) => {
  it('understands our request, and we its answer', async () => {
    const { url } = await start(of);
    const client = connect(url, { version: of, security: USER, addressing: true });
    const reply = await client.call(callOf('query', findAllergies('00<&>12', 'ACTIVE', 'a "b" \'c\'\ttab')));
    if (reply.kind !== 'answer') throw new Error(reply.fault.text);
    expect([reply.body.ns, reply.body.local]).toEqual([NS, 'FindAllergiesResponse']);
    const allergies = childrenOf(childOf(reply.body, NS, 'Allergies')!, NS, 'Allergy');
    expect(allergies.map((allergy) => childOf(allergy, NS, 'RecordStatus')?.text)).toEqual([
      'ACTIVE',
      'a "b" \'c\'\ttab',
    ]);
    expect(allergies.map((allergy) => childOf(allergy, NS, 'AllergyNo')?.text)).toEqual(['0000', '0001']);
    const patient = childOf(allergies[0]!, NS, 'Patient')!;
    expect(patient.children.map((child) => child.text)).toEqual([
      '00<&>12',
      'HOSP',
      "Zoë O'Neil-王 & <Sons>",
    ]);
    expect(childOf(childOf(allergies[0]!, NS, 'Allergen')!, NS, 'Text')?.text).toBe('  Penicillin\nG ');
  });

  it('gives an answer without rows', async () => {
    const { url } = await start(of);
    const reply = await connect(url, { version: of, security: USER }).call(
      callOf('query', findAllergies('1')),
    );
    if (reply.kind !== 'answer') throw new Error(reply.fault.text);
    expect(reply.body.children.map((child) => child.local)).toContain('Result');
    expect(childOf(reply.body, NS, 'Allergies')?.children ?? []).toEqual([]);
  });

  it('says a Fault we can read', async () => {
    const { url } = await start(of);
    const reply = await connect(url, { version: of, security: USER }).call(
      callOf('query', findAllergies('unknown')),
    );
    expect(reply).toMatchObject({
      kind: 'fault',
      status: 500,
      fault: {
        version: of,
        code: of === '1.1' ? 'Client' : 'Sender',
        text: 'No such patient',
        detail: [{ local: 'ServiceFault' }],
      },
    });
  });

  it('knows us by the UsernameToken, reads the Timestamp, and answers one we accept', async () => {
    const { url, seen } = await start(of);
    const reply = await connect(url, { version: of, security: USER }).call(
      callOf('query', findAllergies('1', 'x')),
    );
    expect(reply.kind).toBe('answer');
    expect(reply.kind === 'answer' && reply.headers.map((block) => block.local)).toEqual(['Security']);
    const { Created, Expires } = seen[0]!.Timestamp!;
    expect(Date.parse(Expires) - Date.parse(Created)).toBe(300_000);
  });

  it('turns us away with another password', async () => {
    const { url } = await start(of);
    const security = { ...USER, password: 'other' };
    const reply = await connect(url, { version: of, security }).call(callOf('write', findAllergies('1')));
    expect(reply).toMatchObject({
      kind: 'fault',
      status: 401,
      fault: { text: 'Invalid username or password' },
    });
  });
});
