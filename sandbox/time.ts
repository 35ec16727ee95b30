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

let second = Number.NaN;
let formatted = '';

/** Formatting costs microseconds and is asked for by every message; the last second is kept. */
function format(epochMs: number): string {
  const now = Math.floor(epochMs / 1000);
  if (now !== second) {
    second = now;
    formatted = FORMAT.format(epochMs);
  }
  return formatted;
}

/** Hospital time as `yyyy-MM-ddTHH:mm:ss`. @param epochMs milliseconds */
export function localTimestamp(epochMs: number): string {
  return format(epochMs).replace(' ', 'T');
}

/** Hospital time as HL7 `yyyyMMddHHmmss`. @param epochMs milliseconds */
export function hl7Timestamp(epochMs: number): string {
  return format(epochMs).replaceAll(/[^0-9]/g, '');
}
