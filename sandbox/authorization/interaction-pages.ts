import { html, page } from './pages.ts';
import type { Piece } from './pages.ts';
import { USERS } from './people.ts';
import type { SandboxPatient, SandboxUser } from './people.ts';
import { scopeInWords } from './scopes.ts';

/** How many patients a page lists at once. */
const LISTED = 100;

/** Who signs in: a user of the sandbox, or a patient for themselves. */
export function loginPage(action: string, patients: readonly SandboxPatient[], search: unknown): string {
  return page('Sign in to the sandbox hospital', [
    html`<p>
        Everybody here is made up, and nobody has a password: this server listens on this machine only.
      </p>
      <form method="post" action="${action}">
        <fieldset>
          <legend>People of the hospital</legend>
          ${USERS.map(
            ({ id, name, about }, i) =>
              html`<label
                ><input type="radio" name="user" value="${id}" ${i === 0 ? 'checked' : ''} /> ${name}
                <small>${about}</small></label
              >`,
          )}
        </fieldset>
        <button>Sign in</button>
      </form>
      <h2>Or sign in as a patient</h2>`,
    chooser(action, patients, search, 'Sign in as this patient'),
  ]);
}

/** Which patient an application is to be launched with. */
export function patientPage(action: string, patients: readonly SandboxPatient[], search: unknown): string {
  return page('Choose a patient', chooser(action, patients, search, 'Choose'));
}

function chooser(action: string, patients: readonly SandboxPatient[], search: unknown, verb: string): Piece {
  const wanted = typeof search === 'string' ? search.toLowerCase() : '';
  const fits = ({ name, mrn, ordinary }: SandboxPatient) =>
    wanted === '' ? !ordinary : name.toLowerCase().includes(wanted) || mrn.includes(wanted);
  const listed = patients.filter(fits).slice(0, LISTED);
  return html`<form method="get" action="${action}" role="search">
      <label
        >Name or number <input type="search" name="name" value="${typeof search === 'string' ? search : ''}"
      /></label>
      <button class="second">Search</button>
    </form>
    <form method="post" action="${action}">
      <fieldset>
        <legend>Patients (${listed.length})</legend>
        ${listed.map(
          ({ authority, mrn, name, birthDate, about }) =>
            html`<label
              ><input type="radio" name="patient" value="${authority}|${mrn}" required /> ${name}
              <small>born ${isoDate(birthDate)}, ${mrn}: ${about}</small></label
            >`,
        )}
      </fieldset>
      <button>${verb}</button>
    </form>`;
}

/** What an application asks for, in words; each can be refused by itself. */
export function consentPage(
  action: string,
  application: string,
  user: SandboxUser | undefined,
  patient: boolean,
  scopes: readonly string[],
): string {
  return page(`Let ${application} in?`, [
    html`<p>
        You are <strong>${user?.name}</strong>.${patient ? ' One patient is chosen.' : ''} ${application} asks
        to:
      </p>
      <form method="post" action="${action}">
        <fieldset>
          <legend>Allow</legend>
          ${scopes.map(
            (scope) =>
              html`<label
                ><input type="checkbox" name="scope" value="${scope}" checked /> ${scopeInWords(scope)}
                <small><code>${scope}</code></small></label
              >`,
          )}
        </fieldset>
        <button name="step" value="agree">Allow</button>
        <button class="second" name="step" value="refuse">Refuse</button>
      </form>`,
  ]);
}

/** `19620314` as `1962-03-14`. */
function isoDate(text: string): string {
  return text.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
}
