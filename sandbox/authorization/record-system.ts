import type { KoaContextWithOIDC } from 'oidc-provider';
import { readBody } from '../http.ts';
import type { Desk } from './desk.ts';
import { findUserNamed } from './desk.ts';
import { html, page, pageHeaders } from './pages.ts';
import { USERS } from './people.ts';

interface Application {
  readonly client_id: string;
  readonly client_name?: string;
  readonly launch_uri: string;
}

const MAX_BODY_BYTES = 16_384;
const LISTED = 100;

/** The page of a record system with a patient open, out of which registered applications are launched; `launch_uri` says where. */
export async function recordSystem(desk: Desk, ctx: KoaContextWithOIDC): Promise<void> {
  const applications = applicationsOf(desk);
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
  }
  ctx.set({ ...pageHeaders(applications.map(({ launch_uri: uri }) => new URL(uri).origin).join(' ')) });
  ctx.body = launchPage(desk, applications);
}

function launchPage(desk: Desk, applications: readonly Application[]): string {
  if (applications.length === 0) {
    const words = html`<p>
      No application can be launched from here: register one with a <code>launch_uri</code> (POST to
      <code>/reg</code>).
    </p>`;
    return page('The record system', words);
  }
  const patients = desk.patients().filter(({ ordinary }) => !ordinary);
  return page('The record system', [
    html`<form method="post" action="/ehr">
      <fieldset>
        <legend>You are</legend>
        ${USERS.filter(({ fhirUser }) => fhirUser).map(
          ({ id, name }, i) =>
            html`<label
              ><input type="radio" name="user" value="${id}" ${i === 0 ? 'checked' : ''} /> ${name}</label
            >`,
        )}
      </fieldset>
      <fieldset>
        <legend>Open</legend>
        ${patients
          .slice(0, LISTED)
          .map(
            ({ authority, mrn, name, about }) =>
              html`<label
                ><input type="radio" name="patient" value="${authority}|${mrn}" required /> ${name}
                <small>${about}</small></label
              >`,
          )}
      </fieldset>
      <fieldset>
        <legend>Application</legend>
        ${applications.map(
          ({ client_id: id, client_name: name }) =>
            html`<label><input type="radio" name="client" value="${id}" required /> ${name ?? id}</label>`,
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
  const encounter = wish.encounter ?? (await desk.hospital.latestEncounter(patient));
  const visit = encounter === undefined ? {} : { encounter };
  // The record system shows whose record it is.
  return desk.launches.begin({ user: user.id, patient, ...visit, needPatientBanner: false });
}

function applicationsOf(desk: Desk): readonly Application[] {
  return desk.memory
    .list('Client')
    .map((client) => client as unknown as Application)
    .filter(({ launch_uri: uri }) => uri !== undefined);
}
