import { createRequire } from 'node:module';

interface StandardMessage {
  transform(): void;
  get(field: string, index?: number, repetition?: number): string | null;
  getSegment(name: string): { readonly data: Readonly<Record<string, unknown>> } | null;
}

const HL7 = createRequire(import.meta.url)('hl7-standard') as new (text: string) => StandardMessage;

const SYSTEMS: Readonly<Record<string, string>> = { HOSP: 'urn:oid:2.999.1.1', FICUS: 'urn:oid:2.999.1.99' };
const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const NAME_USE: Readonly<Record<string, string>> = { L: 'official', M: 'maiden', N: 'nickname', A: 'old' };
const GENDER: Readonly<Record<string, string>> = { M: 'male', F: 'female', O: 'other', U: 'unknown' };
const ADDRESS_USE: Readonly<Record<string, string>> = { H: 'home', B: 'work', O: 'work' };
const CONTACT: Readonly<Record<string, string>> = { PH: 'phone', CP: 'phone', FX: 'fax', Internet: 'email' };
const MARITAL = 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus';

/** The Patient of an RSP^K22 by hl7-standard, the fields that Ficus maps of the same PID; undefined: none, or another's. */
export function cardPatient(text: string, controlId: string, number: string): object | undefined {
  const hl7 = new HL7(text);
  hl7.transform();
  if (hl7.get('MSA.1') !== 'AA' || hl7.get('MSA.2') !== controlId) throw new Error('not acknowledged');
  if (hl7.get('QAK.2') !== 'OK') return undefined;
  const pid = hl7.getSegment('PID');
  if (!pid) return undefined;
  /** One entry for each repetition of a field. */
  const each = <T>(field: string, make: (get: (component: number) => string | undefined) => T): T[] => {
    const data = pid.data[field];
    if (data === undefined || data === '') return [];
    return Array.from({ length: Array.isArray(data) ? data.length : 1 }, (_, repetition) =>
      make((component) => hl7.get(`${field}.${component}`, 0, repetition) || undefined),
    );
  };
  const contact = (use: string) => (get: (component: number) => string | undefined) => {
    const system = CONTACT[get(3) ?? ''];
    const value = get(4) ?? [get(5) && `+${get(5)}`, get(6), get(7)].filter(Boolean).join(' ');
    return { system, value, use };
  };
  const birth = hl7.get('PID.7') ?? '';
  const patient = {
    resourceType: 'Patient',
    id: number,
    identifier: each('PID.3', (get) => ({
      system: SYSTEMS[get(4) ?? ''],
      value: get(1),
      type: { coding: [{ system: V2_0203, code: get(5) }] },
    })),
    name: each('PID.5', (get) => ({
      use: NAME_USE[get(7) ?? ''],
      family: get(1),
      given: [get(2), get(3)].filter(Boolean),
      prefix: get(5) === undefined ? undefined : [get(5)],
    })),
    telecom: [...each('PID.13', contact('home')), ...each('PID.14', contact('work'))],
    gender: GENDER[hl7.get('PID.8') ?? ''],
    birthDate: `${birth.slice(0, 4)}-${birth.slice(4, 6)}-${birth.slice(6, 8)}`,
    address: each('PID.11', (get) => ({
      use: ADDRESS_USE[get(7) ?? ''],
      line: [get(1), get(2)].filter(Boolean),
      city: get(3),
      state: get(4),
      postalCode: get(5),
      country: get(6),
    })),
    communication: [{ language: { coding: [{ code: hl7.get('PID.15.1'), display: hl7.get('PID.15.2') }] } }],
    maritalStatus: { coding: [{ system: MARITAL, code: hl7.get('PID.16.1'), display: hl7.get('PID.16.2') }] },
    deceasedBoolean: hl7.get('PID.30') === 'Y',
    generalPractitioner: [
      { identifier: { value: hl7.get('PD1.4.1') }, display: `${hl7.get('PD1.4.6')} ${hl7.get('PD1.4.2')}` },
    ],
  };
  return patient.identifier.some(({ value }) => value === number) ? patient : undefined;
}
