import type { KoaContextWithOIDC } from 'oidc-provider';
import { readBody } from '../http.ts';
import type { Desk } from './desk.ts';
import { findUserNamed } from './desk.ts';
import { choice, html, page, pageHeaders, problem } from './pages.ts';
import { USERS } from './people.ts';

interface Application {
  readonly client_id: string;
  readonly client_name?: string;
  readonly launch_uri: string;
}

const MAX_BODY_BYTES = 16_384;
const LISTED = 100;

/**
 * The page of a record system with a patient open, out of which registered applications are launched; `launch_uri` says
 * where.
 */
export async function recordSystem(desk: Desk, ctx: KoaContextWithOIDC): Promise<void> {
  const applications = applicationsOf(desk);
  let why: string | undefined;
  if (ctx.method === 'POST') {
    const form = new URLSearchParams((await readBody(ctx.req, MAX_BODY_BYTES)).toString('utf8'));
    const application = applications.find(({ client_id: id }) => id === form.get('client'));
    const wish = { user: form.get('user') ?? '', patient: form.get('patient') ?? '' };
    const launch = application && (await beginLaunch(desk, wish));
    if (application && launch !== undefined) {
      const address = new URL(application.launch_uri);
      address.searchParams.set('iss', desk.fhirBase());
      address.searchParams.set('launch', launch);
      ctx.status = 303;
      ctx.redirect(address.href);
      return;
    }
    ctx.status = 400;
    why = 'Choose who you are, an application, and the patient whose record is open.';
  }
  ctx.set({ ...pageHeaders(applications.map(({ launch_uri: uri }) => new URL(uri).origin).join(' ')) });
  ctx.body = launchPage(desk, applications, why);
}

function launchPage(desk: Desk, applications: readonly Application[], why: string | undefined): string {
  if (applications.length === 0)
    return page(
      'The record system',
      html`<p>
        No application can be launched from here: register one with a <code>launch_uri</code> (POST to
        <code>/reg</code>). What was registered before this sandbox was started is forgotten.
      </p>`,
    );
  const patients = desk.patients().filter(({ ordinary }) => !ordinary);
  const alone = applications.length === 1;
  return page('The record system', [
    problem(why),
    html`<form method="post" action="/ehr">
      <fieldset>
        <legend>You are</legend>
        ${USERS.filter(({ fhirUser }) => fhirUser).map(({ id, name, about }, i) =>
          choice(
            html`<input type="radio" name="user" value="${id}" ${i === 0 ? 'checked' : ''} />`,
            html`${name} <small>${about}</small>`,
          ),
        )}
      </fieldset>
      <fieldset>
        <legend>Application to launch</legend>
        ${applications.map(({ client_id: id, client_name: name, launch_uri: uri }) =>
          choice(
            html`<input type="radio" name="client" value="${id}" ${alone ? 'checked' : ''} required />`,
            html`${name ?? 'Without a name'} <small>at <code>${uri}</code></small>`,
          ),
        )}
      </fieldset>
      <fieldset>
        <legend>Patient whose record is open</legend>
        ${patients
          .slice(0, LISTED)
          .map(({ authority, mrn, name, about }) =>
            choice(
              html`<input type="radio" name="patient" value="${authority}|${mrn}" required />`,
              html`<bdi>${name}</bdi> <small>${mrn}: ${about}</small>`,
            ),
          )}
      </fieldset>
      <button>Launch</button>
    </form>`,
  ]);
}

/**
 * A launch of a user with a patient open, in their latest visit.
 *
 * @param wish user by id or name; patient as `authority|number`, or the logical id
 * @returns the handle; undefined when there is no such user
 */
export async function beginLaunch(
  desk: Desk,
  wish: { readonly user: string; readonly patient: string; readonly encounter?: string },
): Promise<string | undefined> {
  const user = findUserNamed(desk, wish.user);
  if (!user) return undefined;
  const listed = desk.patients().find(({ authority, mrn }) => `${authority}|${mrn}` === wish.patient);
  const patient = listed ? await desk.hospital.idOf(listed) : wish.patient;
  const patientName = listed ? { patientName: listed.name } : {};
  const encounter = wish.encounter ?? (await desk.hospital.latestEncounter(patient));
  const visit = encounter === undefined ? {} : { encounter };
  // The record system shows whose record it is.
  const context = { patient, ...patientName, ...visit, needPatientBanner: false };
  return desk.launches.begin({ user: user.id, context });
}

function applicationsOf(desk: Desk): readonly Application[] {
  return desk.memory
    .list('Client')
    .map((client) => client as unknown as Application)
    .filter(({ launch_uri: uri }) => uri !== undefined);
}
