/** The hospital's zone: its timestamps are local and carry no offset. */
export const HOSPITAL_ZONE = 'Europe/Berlin';

const FORMAT = new Intl.DateTimeFormat('sv-SE', {
  timeZone: HOSPITAL_ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** Hospital time as `yyyy-MM-ddTHH:mm:ss`. @param epochMs milliseconds */
export function localTimestamp(epochMs: number): string {
  return FORMAT.format(epochMs).replace(' ', 'T');
}

/** Hospital time as HL7 `yyyyMMddHHmmss`. @param epochMs milliseconds */
export function hl7Timestamp(epochMs: number): string {
  return FORMAT.format(epochMs).replaceAll(/[^0-9]/g, '');
}
