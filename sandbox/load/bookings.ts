import type { LoadPatient } from './people.ts';

const SYSTEM = 'http://load.example/bookings';
const FIRST_DAY = Date.UTC(2031, 0, 6);
const DAY_MS = 86_400_000;
const SLOTS_A_DAY = 40;

/** A write to be sent. */
export interface Write {
  readonly endpoint: 'Appointment.create' | 'Appointment.update';
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: string;
  readonly patient: LoadPatient;
  readonly reference: string;
  /** Idempotency-Key, for one write in ten. */
  readonly key: string | undefined;
}

/** A booking that was accepted and may be changed. */
interface Booking {
  readonly patient: LoadPatient;
  readonly reference: string;
  readonly resource: Readonly<Record<string, unknown>> & { readonly id: string };
}

export interface Bookings {
  /** A new booking, or the change of one that was accepted: two of five, once there are some. */
  next(patient: LoadPatient): Write;
  /** What the API made of a write. Nothing else is asked of a booking until this is said. */
  accepted(write: Write, resource: Booking['resource']): void;
}

/**
 * Writes of a booking office. Each booking has a number of its own, by which it can be looked for on either side; no
 * two changes of one are on their way at the same time.
 * @param run tells the numbers of this run from those of others
 */
export function createBookings(run: string): Bookings {
  const open: Booking[] = [];
  let issued = 0;
  const create = (patient: LoadPatient, reference: string): Write => {
    const slot = issued % SLOTS_A_DAY;
    const day = new Date(FIRST_DAY + Math.floor(issued / SLOTS_A_DAY) * DAY_MS).toISOString().slice(0, 10);
    const at = (minutes: number): string => {
      const hours = String(8 + Math.floor(minutes / 60)).padStart(2, '0');
      return `${day}T${hours}:${String(minutes % 60).padStart(2, '0')}:00+01:00`;
    };
    return {
      endpoint: 'Appointment.create',
      method: 'POST',
      path: 'Appointment',
      patient,
      reference,
      key: keyOf(reference),
      body: JSON.stringify({
        resourceType: 'Appointment',
        identifier: [{ system: SYSTEM, value: reference }],
        status: 'booked',
        start: at(slot * 15),
        end: at(slot * 15 + 15),
        minutesDuration: 15,
        participant: [{ actor: { reference: `Patient/${patient.id}` }, status: 'accepted' }],
      }),
    };
  };
  const change = ({ patient, reference, resource }: Booking, number: number): Write => ({
    endpoint: 'Appointment.update',
    method: 'PUT',
    path: `Appointment/${resource.id}`,
    patient,
    reference,
    key: keyOf(`${run}-change-${number}`),
    body: JSON.stringify({ ...resource, comment: `Change ${number}` }),
  });
  /** One write in ten carries a key: one in twenty is a booking with one, one in twenty a change. */
  const keyOf = (text: string): string | undefined =>
    issued % 20 === 0 || issued % 20 === 13 ? `load-${text}` : undefined;
  return {
    next(patient) {
      issued += 1;
      const booking = issued % 5 < 2 ? open.shift() : undefined;
      return booking ? change(booking, issued) : create(patient, `${run}-${issued}`);
    },
    accepted({ patient, reference }, resource) {
      open.push({ patient, reference, resource });
    },
  };
}
