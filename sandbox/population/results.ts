/** What a visit of an ordinary patient leaves behind, as rows of observations.psv. */

interface Measure {
  readonly item: string;
  /** Lowest and highest value that is made up, and the digits after the point. */
  readonly from: number;
  readonly to: number;
  readonly digits: number;
  /** Reference range. */
  readonly low: string;
  readonly high: string;
}

const GLUCOSE: Measure = { item: 'GLU', from: 3.6, to: 9.8, digits: 2, low: '3.90', high: '5.60' };
const PANEL: readonly Measure[] = [
  { item: 'K', from: 3.2, to: 5.4, digits: 2, low: '3.50', high: '5.10' },
  { item: 'NA', from: 132, to: 147, digits: 0, low: '135', high: '145' },
  { item: 'HB', from: 10.5, to: 17.9, digits: 1, low: '12.0', high: '17.5' },
  { item: 'CREA', from: 48, to: 130, digits: 1, low: '45', high: '104' },
  { item: 'A1C', from: 4.8, to: 9.1, digits: 1, low: '4.0', high: '6.0' },
];
/** The old laboratory's glucose, in mg/dL. */
const OLD_GLUCOSE: Measure = { item: 'GLUOLD', from: 70, to: 190, digits: 1, low: '70', high: '110' };

const VISITS = 2;
const DAY_MS = 86_400_000;
const LAST_DAY = Date.UTC(2026, 9, 30);
const SPAN_DAYS = 900;

/** @param index of the patient, which the numbers of the results are made of */
export function visitsOf(patient: string, index: number, random: () => number): string[] {
  const rows: string[] = [];
  const add = (cells: Readonly<Record<string, string>>): void => {
    const row: Readonly<Record<string, string>> = {
      ObsNo: `R${300_001 + index * 20 + rows.length}`,
      Patient: `HOSP ${patient}`,
      ...cells,
    };
    rows.push(COLUMNS.map((column) => row[column] ?? '').join('|'));
  };
  for (let visit = 0; visit < VISITS; visit += 1) {
    // Summer and winter both: the offset of the hospital's zone differs.
    const day = new Date(LAST_DAY - Math.floor(random() * SPAN_DAYS) * DAY_MS).toISOString().slice(0, 10);
    const minute = String(5 + Math.floor(random() * 50)).padStart(2, '0');
    const drawn = `${day}T07:${minute}:00`;
    for (const measure of visit === 0 ? [GLUCOSE, ...PANEL.slice(0, 3)] : [GLUCOSE, ...PANEL.slice(3)]) {
      add(labResult(measure, drawn, `${day}T11:${minute}:00`, random));
    }
    add({
      Item: 'BP',
      StatusCode: 'FINAL',
      ObservedOn: `${day}T08:${minute}:00`,
      Parts: `SYS=${100 + Math.floor(random() * 60)} mm[Hg];DIA=${58 + Math.floor(random() * 40)} mm[Hg]`,
    });
  }
  const weighed = new Date(LAST_DAY - Math.floor(random() * SPAN_DAYS) * DAY_MS).toISOString().slice(0, 10);
  add({ Item: 'WT', StatusCode: 'FINAL', ObservedOn: weighed, Value: `${(48 + random() * 60).toFixed(1)}0` });
  if (index % 3 === 0)
    add(labResult(OLD_GLUCOSE, `${2009 + (index % 6)}-03-${10 + (index % 18)}`, '', random));
  return rows;
}

function labResult(
  measure: Measure,
  observed: string,
  reported: string,
  random: () => number,
): Readonly<Record<string, string>> {
  const { item, low, high } = measure;
  const value = (measure.from + random() * (measure.to - measure.from)).toFixed(measure.digits);
  // Two in a hundred were put right later on.
  const amended = random() < 0.02;
  return {
    Item: item,
    StatusCode: amended ? 'AMEND' : 'FINAL',
    ObservedOn: observed,
    ReportedOn: reported,
    Value: value,
    AbnormalFlag: flag(Number(value), Number(low), Number(high)),
    Low: low,
    High: high,
    Performer: 'P201',
    ...(amended ? { LastModified: `${observed.slice(0, 10)}T16:20:00`, Notes: 'Nachgemessen' } : {}),
  };
}

function flag(value: number, low: number, high: number): string {
  if (value < low) return 'L';
  return value > high ? 'H' : 'N';
}

/** The columns of observations.psv, in their order. */
export const COLUMNS = [
  'ObsNo',
  'Patient',
  'VisitNo',
  'Item',
  'StatusCode',
  'ObservedOn',
  'ReportedOn',
  'Value',
  'Unit',
  'AbnormalFlag',
  'Low',
  'High',
  'RangeText',
  'Parts',
  'MissingReason',
  'Performer',
  'OrderNo',
  'LastModified',
  'Notes',
] as const;
