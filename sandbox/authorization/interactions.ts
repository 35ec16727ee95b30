import type { IncomingMessage } from 'node:http';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Desk, GrantContext } from './desk.ts';
import { findUser } from './desk.ts';
import { HospitalError } from './hospital.ts';
import { consentPage, loginPage, patientPage } from './interaction-pages.ts';
import type { Picking } from './interaction-pages.ts';
import { errors } from 'oidc-provider';
import { page, pageHeaders, html } from './pages.ts';
import { patientUser } from './people.ts';
import type { SandboxPatient } from './people.ts';
import { isAbout, knownScopes, SESSION_SCOPES, wantsPatient } from './scopes.ts';
import { readBody } from '../http.ts';

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

const MAX_FORM_BYTES = 65_536;
const PATH = /^\/interaction\/[A-Za-z0-9_-]+$/;

/** What was chosen so far on the pages of one authorization, by the id that its pages share. */
interface Choice {
  readonly context?: GrantContext;
}

/**
 * The pages between an application's request and its code: who signs in, which patient, what is agreed to. Each is a
 * form without script, bound to the browser by the cookie that oidc-provider gives each authorization.
 */
export function createInteractions(
  desk: Desk,
): (provider: Provider, ctx: KoaContextWithOIDC) => Promise<boolean> {
  const choices = new Map<string, Choice>();
  return async (provider, ctx) => {
    if (!PATH.test(ctx.path) || (ctx.method !== 'GET' && ctx.method !== 'POST')) return false;
    const interaction = await interactionOf(provider, ctx);
    const form = ctx.method === 'POST' ? await readForm(ctx.req) : undefined;
    try {
      await step({ desk, provider, ctx, interaction, form, choices });
    } catch (error) {
      if (!(error instanceof HospitalError)) throw error;
      ctx.status = error.status;
      show(
        ctx,
        interaction,
        page(
          'This did not work',
          html`<p>${error.error_description}</p>
            <p><a href="${ctx.path}">Try again</a></p>`,
        ),
      );
    }
    return true;
  };
}

/** @throws InvalidRequest when there is none under this address in this browser, in words for whoever sees the page */
async function interactionOf(provider: Provider, ctx: KoaContextWithOIDC): Promise<Interaction> {
  try {
    return await provider.interactionDetails(ctx.req, ctx.res);
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error;
    throw new errors.InvalidRequest(
      'This page has been answered already, is older than an hour, or was begun in another browser. Go back to the application, and begin again there.',
    );
  }
}

interface Step {
  readonly desk: Desk;
  readonly provider: Provider;
  readonly ctx: KoaContextWithOIDC;
  readonly interaction: Interaction;
  readonly form: URLSearchParams | undefined;
  readonly choices: Map<string, Choice>;
}

async function step(at: Step): Promise<void> {
  const { interaction, form, provider, ctx } = at;
  if (form?.get('step') === 'refuse') {
    const refused = { error: 'access_denied', error_description: 'The user did not agree' };
    return finish(provider, ctx, refused);
  }
  return interaction.prompt.name === 'login' ? login(at) : agree(at);
}

async function login(at: Step): Promise<void> {
  const { desk, provider, ctx, interaction, form } = at;
  const launch = desk.launches.find(textOf(interaction.params['launch']));
  // The record system has its user signed in already.
  const chosen = launch ? launch.user : await chosenUser(desk, form);
  if (chosen === undefined) {
    show(ctx, interaction, loginPage(pickingOf(at, 'Choose who you are.')));
    return;
  }
  const session = await provider.Session.get(ctx);
  // Whoever signed in before has gone: oidc-provider would ask them to sign out on a page of its own.
  if (session.accountId !== undefined && session.accountId !== chosen) {
    session.accountId = undefined;
    await session.persist();
  }
  await finish(provider, ctx, { login: { accountId: chosen } });
}

/** The id of the user that the form names, who may be a patient. */
async function chosenUser(desk: Desk, form: URLSearchParams | undefined): Promise<string | undefined> {
  const id = form?.get('user');
  if (id) return findUser(desk, id)?.id;
  const patient = patientOf(desk, form);
  if (!patient) return undefined;
  const user = patientUser(await desk.hospital.idOf(patient), patient.name);
  desk.patientUsers.set(user.id, user);
  return user.id;
}

async function agree(at: Step): Promise<void> {
  const { ctx, interaction, form, choices } = at;
  const context = choices.get(interaction.cid)?.context ?? (await startingContext(at));
  const client = await at.provider.Client.find(textOf(interaction.params['client_id']));
  const application = client?.clientName ?? 'An application';
  if (!context) {
    show(ctx, interaction, patientPage(application, pickingOf(at, 'Choose a patient.')));
    return;
  }
  choices.set(interaction.cid, { context });
  const agreed = form?.get('step') === 'agree';
  const scopes = askedScopes(interaction);
  const granted = scopes.filter((scope) => form?.getAll('scope').includes(scope));
  if (!agreed || (granted.length === 0 && scopes.length > 0)) {
    const { user, patient, patientName = 'the patient whose record is open' } = context;
    const asking = { action: ctx.path, application, user, scopes };
    const about = patient === undefined ? undefined : patientName;
    const problem = agreed ? 'Nothing is ticked: tick what it may do, or refuse.' : undefined;
    show(ctx, interaction, consentPage({ ...asking, patient: about, problem }));
    return;
  }
  choices.delete(interaction.cid);
  await conclude(at, context, granted);
}

/** @param problem what a form that has been sent lacks */
function pickingOf({ desk, ctx, form }: Step, problem: string | undefined): Picking {
  return {
    action: ctx.path,
    patients: desk.patients(),
    search: ctx.query['name'],
    problem: form ? problem : undefined,
  };
}

/** Who it is about, where that needs no page or the page has been answered; undefined: it must be asked. */
async function startingContext({ desk, interaction, form }: Step): Promise<GrantContext | undefined> {
  const user = findUser(desk, interaction.session?.accountId);
  const by = user ? { user } : {};
  const launch = desk.launches.find(textOf(interaction.params['launch']));
  if (launch) {
    return { ...by, ...launch.context };
  }
  const asked = askedScopes(interaction);
  if (!wantsPatient(asked)) return { ...by, needPatientBanner: true };
  const own = /^Patient\/(.+)$/.exec(user?.fhirUser ?? '')?.[1];
  const chosen = patientOf(desk, form);
  const patient = own ?? (chosen && (await desk.hospital.idOf(chosen)));
  if (patient === undefined) return undefined;
  const encounter = asked.includes('launch/encounter')
    ? await desk.hospital.latestEncounter(patient)
    : undefined;
  const patientName = own === undefined ? chosen?.name : user?.name;
  return {
    ...by,
    patient,
    ...(patientName === undefined ? {} : { patientName }),
    ...(encounter === undefined ? {} : { encounter }),
    needPatientBanner: true,
  };
}

/** The grant, with what was agreed to; the rest counts as asked and refused. */
async function conclude(at: Step, context: GrantContext, granted: readonly string[]): Promise<void> {
  const { desk, provider, ctx, interaction } = at;
  const accountId = interaction.session?.accountId;
  const grant = new provider.Grant({
    clientId: textOf(interaction.params['client_id']),
    ...(accountId === undefined ? {} : { accountId }),
  });
  const asked = askedScopes(interaction);
  const refused = asked.filter((scope) => !granted.includes(scope));
  const session = (scopes: readonly string[]) =>
    scopes.filter((one) => SESSION_SCOPES.some((name) => name === one));
  grant.addOIDCScope(session(granted));
  grant.addResourceScope(desk.fhirBase(), [...granted]);
  if (refused.length > 0) {
    grant.rejectOIDCScope(session(refused));
    grant.rejectResourceScope(desk.fhirBase(), [...refused]);
  }
  const grantId = await grant.save();
  desk.contexts.set(grantId, context);
  desk.launches.end(textOf(interaction.params['launch']));
  await finish(provider, ctx, { consent: { grantId } });
}

function askedScopes(interaction: Interaction): readonly string[] {
  // What a machine asks for by itself, nobody at a page can give.
  return knownScopes(textOf(interaction.params['scope'])).filter((scope) => !isAbout(scope, ['system']));
}

function patientOf(desk: Desk, form: URLSearchParams | undefined): SandboxPatient | undefined {
  const chosen = form?.get('patient');
  return desk.patients().find(({ authority, mrn }) => `${authority}|${mrn}` === chosen);
}

function show(ctx: KoaContextWithOIDC, interaction: Interaction, content: string): void {
  const back = URL.parse(textOf(interaction.params['redirect_uri']));
  ctx.set({
    ...pageHeaders(back === null ? undefined : back.origin === 'null' ? back.protocol : back.origin),
  });
  ctx.body = content;
}

async function finish(
  provider: Provider,
  ctx: KoaContextWithOIDC,
  result: Parameters<Provider['interactionResult']>[2],
): Promise<void> {
  const next = await provider.interactionResult(ctx.req, ctx.res, result);
  ctx.status = 303;
  ctx.redirect(next);
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  return new URLSearchParams((await readBody(request, MAX_FORM_BYTES)).toString('utf8'));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
