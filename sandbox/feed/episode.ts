import { mulberry32 } from '../faults/random.ts';
import { segment, stamp } from './text.ts';

/** Something that the hospital tells, at a time of its own clock. */
export interface FeedEvent {
  /** Epoch milliseconds; the hospital's wall clock read as UTC. */
  readonly at: number;
  /** `ADT^A01` */
  readonly type: string;
  readonly structure: string;
  /** MSH-10 */
  readonly controlId: string;
  /** Number of the patient that it is about. */
  readonly patient: string;
  /** Messages of one lane must keep their order: those of one person, whatever number they go by. */
  readonly lane: string;
  /** The segments after MSH. */
  readonly segments: readonly string[];
}

/** One patient of the day. */
export interface Inpatient {
  /** PID as the population writes it: number, name, birth date, sex, address, telephone. */
  readonly pid: string;
  readonly number: string;
  readonly index: number;
}

const MINUTE = 60_000;
const WARDS = ['ICU^301^B', '3B^12^1', '3B^14^2', 'MED^201^A', 'SURG^110^C'] as const;
const DOCTORS = [
  'P101^Adler^Martin',
  'P102^Bergmann^Claudia',
  'P104^Dorn^Annette',
  'P107^Gro\u00df^Niels',
] as const;

interface Test {
  readonly code: string;
  readonly text: string;
  readonly unit: string;
  readonly range: string;
  readonly from: number;
  readonly to: number;
  readonly digits: number;
}

const PANEL: readonly Test[] = [
  { code: '14749-6', text: 'Glucose', unit: 'mmol/L', range: '3.90-5.60', from: 3.6, to: 9.8, digits: 2 },
  { code: '2823-3', text: 'Potassium', unit: 'mmol/L', range: '3.50-5.10', from: 3.2, to: 5.4, digits: 2 },
  { code: '718-7', text: 'Haemoglobin', unit: 'g/dL', range: '12.0-17.5', from: 10.5, to: 17.9, digits: 1 },
];

/**
 * What one patient's stay leaves on the feed, in order: admitted, perhaps moved, ordered for, results (preliminary,
 * final, now and then corrected), a change of address, a letter, an appointment, discharged. Some come in as nobody,
 * and are merged into who they are. Always the same for a seed and a patient.
 * @param start epoch milliseconds of the day's first minute
 */
export function episodeOf({ pid, number, index }: Inpatient, start: number, seed: number): FeedEvent[] {
  const random = mulberry32(seed * 104_729 + index * 7_919);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const events: FeedEvent[] = [];
  let at = start + Math.floor(random() * 600) * MINUTE;
  let count = 0;
  const wait = (least: number, most: number): void => {
    at += Math.floor(least + random() * (most - least)) * MINUTE;
  };
  const tell = (type: string, structure: string, who: string, segments: readonly string[]): void => {
    count += 1;
    const controlId = `D${seed}-${number}-${String(count).padStart(2, '0')}`;
    events.push({ at, type, structure, controlId, patient: who, lane: number, segments });
  };

  const visit = `V${number}${seed % 1_000}`;
  const doctor = `${pick(DOCTORS)}^^^^^^HOSP&2.999.1.1&ISO`;
  let ward = pick(WARDS);
  const nobody = random() < 0.08 ? `T${number}` : undefined;
  let self =
    nobody === undefined
      ? pid
      : segment('PID', { 1: '1', 3: `${nobody}^^^HOSP&2.999.1.1&ISO^MR`, 5: 'Unbekannt^^^^^^U', 8: 'U' });
  let who = nobody ?? number;
  const pv1 = (fields: Readonly<Record<number, string>> = {}): string =>
    segment('PV1', {
      1: '1',
      2: 'I',
      3: `${ward}^HOSP`,
      7: doctor,
      10: 'MED',
      19: `${visit}^^^HOSP&2.999.1.1&ISO^VN`,
      44: stamp(admitted),
      ...fields,
    });
  const admitted = at;
  const evn = (event: string): string => segment('EVN', { 1: event, 2: stamp(at) });
  const adt = (event: string, structure: string, ...more: string[]): void =>
    tell(`ADT^${event}`, structure, who, [evn(event), self, ...more]);

  const diagnosis = segment('DG1', { 1: '1', 3: 'J18.9^Pneumonie^I10', 5: stamp(at), 6: 'A' });
  const allergy = segment('AL1', { 1: '1', 2: 'DA', 3: 'PEN^Penicillin^99HSP', 4: 'MO', 5: 'Exanthem' });
  // Some visits are protected, some orders restricted, some letters both: nothing of chance, so that the day stays the
  // same.
  const guarded = index % 6 === 4;
  const protection = guarded ? [segment('PV2', { 22: 'Y' })] : [];
  adt(
    'A01',
    'ADT_A01',
    pv1(),
    ...protection,
    ...(random() < 0.3 ? [allergy] : []),
    ...(random() < 0.5 ? [diagnosis] : []),
  );

  if (nobody !== undefined) {
    wait(20, 90);
    self = pid;
    who = number;
    tell('ADT^A40', 'ADT_A39', number, [
      evn('A40'),
      pid,
      segment('MRG', { 1: `${nobody}^^^HOSP&2.999.1.1&ISO^MR` }),
    ]);
  }
  if (random() < 0.4) {
    wait(30, 120);
    const from = ward;
    ward = pick(WARDS.filter((other) => other !== from));
    adt('A02', 'ADT_A02', pv1({ 6: `${from}^HOSP` }));
  }

  wait(5, 60);
  const order = `${index + 1}0${seed % 100}`;
  const drawn = at;
  const orc = (control: string, status: string): string =>
    segment('ORC', {
      1: control,
      2: `PO${order}^HOSP`,
      3: `FO${order}^LAB`,
      5: status,
      9: stamp(at),
      12: doctor,
      28: index % 5 === 3 ? 'R^restricted^HL70177' : '',
    });
  const obr = (status: string): string =>
    segment('OBR', {
      1: '1',
      2: `PO${order}^HOSP`,
      3: `FO${order}^LAB`,
      4: '24323-8^Laboratory panel^LN',
      7: stamp(drawn),
      16: doctor,
      22: stamp(at),
      24: 'LAB',
      25: status,
    });
  tell('ORM^O01', 'ORM_O01', who, [self, pv1(), orc('NW', 'IP'), obr('')]);

  const values = PANEL.map(({ from, to, digits }) => (from + random() * (to - from)).toFixed(digits));
  const obx = (test: Test, at1: number, value: string, status: string): string =>
    segment('OBX', {
      1: String(at1 + 1),
      2: 'NM',
      3: `${test.code}^${test.text}^LN`,
      5: value,
      6: `${test.unit}^${test.unit}^UCUM`,
      7: test.range,
      8: flagOf(test, value),
      11: status,
      14: stamp(drawn),
    });
  const result = (status: string, tests: readonly Test[]): void =>
    tell('ORU^R01', 'ORU_R01', who, [
      self,
      pv1(),
      orc('RE', status === 'P' ? 'IP' : 'CM'),
      obr(status),
      ...tests.map((test, row) => obx(test, row, values[PANEL.indexOf(test)]!, status)),
    ]);
  if (random() < 0.5) {
    wait(20, 60);
    result('P', PANEL.slice(0, 2));
  }
  wait(20, 90);
  result('F', PANEL);
  if (random() < 0.15) {
    wait(30, 120);
    values[0] = (Number(values[0]) + 0.5).toFixed(2);
    result('C', PANEL.slice(0, 1));
  }
  if (random() < 0.3) {
    wait(10, 60);
    self = self.replace(/\^H(?=\||$)/, '^C');
    adt('A08', 'ADT_A01', pv1());
  }
  wait(60, 240);
  adt('A03', 'ADT_A03', pv1({ 36: '01', 45: stamp(at) }));
  if (random() < 0.5) {
    wait(10, 60);
    const letter = segment('TXA', {
      1: '1',
      2: 'DS^Entlassbrief^HL70270',
      3: 'TX',
      4: stamp(at),
      9: doctor,
      12: `DOC${order}^HOSP`,
      17: 'AU',
      18: guarded ? 'V' : index % 4 === 1 ? 'R' : '',
    });
    const body = segment('OBX', {
      1: '1',
      2: 'TX',
      3: '18842-5^Discharge summary^LN',
      5: 'In gutem Zustand entlassen.',
      11: 'F',
    });
    tell('MDM^T02', 'MDM_T02', who, [evn('T02'), self, pv1(), letter, body]);
  }
  if (random() < 0.5) {
    wait(5, 30);
    const when = stamp(at + (7 + Math.floor(random() * 14)) * 24 * 60 * MINUTE);
    tell('SIU^S12', 'SIU_S12', who, [
      segment('SCH', {
        1: `PA${order}^HOSP`,
        2: `FA${order}^HOSP`,
        6: 'FU^Kontrolltermin^99HSP',
        9: '15',
        10: 'min',
        11: `^^15^${when}`,
        25: 'Booked',
      }),
      self,
      segment('RGS', { 1: '1' }),
      segment('AIP', { 1: '1', 3: doctor, 6: when, 9: '15', 10: 'min' }),
    ]);
  }
  return events;
}

function flagOf({ range }: Test, value: string): string {
  const [low, high] = range.split('-').map(Number);
  if (Number(value) < low!) return 'L';
  return Number(value) > high! ? 'H' : 'N';
}
