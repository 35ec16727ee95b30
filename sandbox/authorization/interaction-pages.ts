import { choice, html, page, problem } from './pages.ts';
import type { Piece } from './pages.ts';
import { USERS } from './people.ts';
import type { SandboxPatient, SandboxUser } from './people.ts';
import { scopeInWords } from './scopes.ts';

/** How many patients a page lists at once. */
const LISTED = 100;
/** Where the patients are on a page: a search comes back to them, and not to the beginning. */
const PATIENTS = 'patients';

/** What a page with patients to choose from needs to know. */
export interface Picking {
  /** Where the forms of the page lead. */
  readonly action: string;
  readonly patients: readonly SandboxPatient[];
  /** What was searched for: a part of a name or of a number. */
  readonly search: unknown;
  /** Why the page is shown again. */
  readonly problem: string | undefined;
}

/** Who signs in: a user of the sandbox, or a patient for themselves. */
export function loginPage(picking: Picking): string {
  return page('Sign in to the sandbox hospital', [
    problem(picking.problem),
    html`<p>
        Everybody here is made up, and nobody has a password: this server listens on this machine only.
      </p>
      <form method="post" action="${picking.action}">
        <fieldset>
          <legend>People of the hospital</legend>
          ${USERS.map(({ id, name, about }, i) =>
            choice(
              html`<input type="radio" name="user" value="${id}" ${i === 0 ? 'checked' : ''} />`,
              html`${name} <small>${about}</small>`,
            ),
          )}
        </fieldset>
        <button>Sign in</button>
      </form>
      <h2>Or sign in as a patient</h2>`,
    chooser(picking, 'Sign in as this patient'),
  ]);
}

/** Which patient an application is to be launched with. */
export function patientPage(application: string, picking: Picking): string {
  return page('Choose a patient', [
    problem(picking.problem),
    html`<p>${application} is to be told of one patient.</p>`,
    chooser(picking, 'Choose'),
  ]);
}

function chooser({ action, patients, search }: Picking, verb: string): Piece {
  const asked = typeof search === 'string' ? search.trim() : '';
  const wanted = asked.toLowerCase();
  const fits = ({ name, mrn, ordinary }: SandboxPatient) =>
    wanted === '' ? !ordinary : name.toLowerCase().includes(wanted) || mrn.includes(wanted);
  const found = patients.filter(fits);
  return html`<form method="get" action="${action}#${PATIENTS}" role="search" id="${PATIENTS}">
      <label>Name or number <input type="search" name="name" value="${asked}" /></label>
      <button class="second">Search</button>
    </form>
    ${found.length === 0 ? nobody(action, asked) : list({ action, found, asked, of: patients.length }, verb)}`;
}

function nobody(action: string, asked: string): Piece {
  return html`<p role="status">
    Nobody here has <strong>${asked}</strong> in their name or number.
    <a href="${action}#${PATIENTS}">Show who there is</a>
  </p>`;
}

interface Found {
  readonly action: string;
  readonly found: readonly SandboxPatient[];
  readonly asked: string;
  /** Patients in all. */
  readonly of: number;
}

function list({ action, found, asked, of }: Found, verb: string): Piece {
  const listed = found.slice(0, LISTED);
  const others = found.length - listed.length;
  const more =
    others > 0
      ? html`<p>${others} more: search for more of the name to see them.</p>`
      : asked === '' && of > listed.length
        ? html`<p>These have a story. A search finds the other ${of - listed.length} as well.</p>`
        : undefined;
  return html`<form method="post" action="${action}">
    <fieldset>
      <legend>Patients (${listed.length} of ${of})</legend>
      ${listed.map(({ authority, mrn, name, birthDate, about }) =>
        choice(
          html`<input type="radio" name="patient" value="${authority}|${mrn}" required />`,
          html`<bdi>${name}</bdi> <small>${bornOn(birthDate)}${mrn}: ${about}</small>`,
        ),
      )}
    </fieldset>
    ${more}
    <button>${verb}</button>
  </form>`;
}

/** What an application asks for, in words; each can be refused by itself. */
export function consentPage(asking: {
  readonly action: string;
  readonly application: string;
  readonly user: SandboxUser | undefined;
  /** What a sentence about the patient calls them; undefined: no patient is chosen. */
  readonly patient: string | undefined;
  readonly scopes: readonly string[];
  readonly problem: string | undefined;
}): string {
  const { action, application, user, patient, scopes } = asking;
  return page(`Let ${application} in?`, [
    problem(asking.problem),
    html`<p>You are <strong>${user?.name}</strong>.</p>`,
    patient === undefined
      ? undefined
      : html`<p>
          It is about <strong><bdi>${patient}</bdi></strong
          >.
        </p>`,
    html`<form method="post" action="${action}">
      <fieldset>
        <legend>${application} asks to</legend>
        ${scopes.map((scope) =>
          choice(
            html`<input type="checkbox" name="scope" value="${scope}" checked />`,
            html`${scopeInWords(scope)} <small><code>${scope}</code></small>`,
          ),
        )}
      </fieldset>
      <button name="step" value="agree">Allow</button>
      <button class="second" name="step" value="refuse">Refuse</button>
    </form>`,
  ]);
}

/** `19620314` as `born 1962-03-14, `, and as much of it as is known. */
function bornOn(text: string): string {
  const [, ...parts] = /^(\d{4})(\d{2})?(\d{2})?/.exec(text) ?? [];
  return parts.length === 0 ? '' : `born ${parts.filter((part) => part !== undefined).join('-')}, `;
}
