import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as client from 'openid-client';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { barriersIn, complaintsOf, findChromium, startChromium } from '../support/chromium.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { SmartApp } from '../support/smart-app.ts';

/*
 * Both launches in a real browser, by clicking and by keyboard: what only a browser does (the origin of a form, the policy of a page, cookies by their rules) cannot be had otherwise.
 */

const chromium = findChromium();
const PAGE_MS = 60_000;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 640 };
const SCOPES = 'openid fhirUser offline_access patient/Patient.r patient/Observation.rs?category=laboratory';

describe.skipIf(chromium === undefined)(
  `a launch in a browser${chromium === undefined ? ' (SKIPPED: no Chromium in PATH or CHROME_PATH)' : ''}`,
  () => {
    let hospital: Hospital;
    let browser: Browser;
    let issuer: string;
    let smart: SmartApp;
    /** The application: a web server on a port of its own. */
    let there: Server;
    let origin: string;
    let config: client.Configuration;
    const verifier = client.randomPKCECodeVerifier();
    /** The last answer that the application was given. */
    let callback: URL | undefined;

    beforeAll(async () => {
      hospital = await startHospital((it) => it, { guarded: true, others: 20 });
      issuer = hospital.sandbox.addresses.authorization ?? '';
      browser = await startChromium(chromium ?? '');
      there = createServer((request, response) => {
        void answer(new URL(request.url ?? '', origin), response);
      }).listen(0, 'localhost');
      await once(there, 'listening');
      origin = `http://localhost:${(there.address() as AddressInfo).port}`;
      smart = new SmartApp(issuer, hospital.base);
      config = await smart.register({
        client_name: 'Lab viewer',
        redirect_uris: [`${origin}/callback`],
        launch_uri: `${origin}/launch`,
      });
    });
    afterAll(async () => {
      await browser?.close();
      there?.closeAllConnections();
      there?.close();
      await hospital?.close();
    });

    /** As an application does: launched it goes to be authorized, and takes what comes of it. */
    async function answer(url: URL, response: ServerResponse): Promise<void> {
      const page = (text: string) =>
        response
          .writeHead(200, { 'content-type': 'text/html' })
          .end(`<!doctype html><link rel="icon" href="data:,">${text}`);
      if (url.pathname === '/launch') {
        const launch = { launch: url.searchParams.get('launch') ?? '' };
        response.writeHead(302, { location: await authorization(`launch ${SCOPES}`, launch) }).end();
      } else if (url.pathname === '/callback') {
        callback = url;
        page('<h1>Welcome back</h1>');
      } else {
        page(`<form method="post" action="${issuer}/ehr"><button>Win a prize</button></form>`);
      }
    }

    async function authorization(scope: string, more: Record<string, string> = {}): Promise<string> {
      return client.buildAuthorizationUrl(config, {
        redirect_uri: `${origin}/callback`,
        scope,
        state: 'a-state',
        aud: hospital.base,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...more,
      }).href;
    }

    /** A browser of its own, which must find nothing to complain about. */
    async function open(options: BrowserContextOptions): Promise<Page> {
      callback = undefined;
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const complaints = complaintsOf(page);
      onTestFinished(async () => {
        await context.close();
        expect(complaints).toEqual([]);
      });
      return page;
    }

    /** The page of this heading has come. */
    async function reach(page: Page, heading: string): Promise<void> {
      const found = page.getByRole('heading', { level: 1, name: heading });
      await found.waitFor({ timeout: PAGE_MS }).catch(async (cause: unknown) => {
        throw new Error(`No "${heading}", but: ${await page.locator('body').innerText()}`, { cause });
      });
    }

    /** The same, and anybody can use it. */
    async function arrive(page: Page, heading: string): Promise<void> {
      await reach(page, heading);
      expect(await barriersIn(page)).toEqual([]);
    }

    /** What the code that the application was given is worth. */
    async function tokens(): Promise<client.TokenEndpointResponse & { readonly patient?: string }> {
      const checks = { pkceCodeVerifier: verifier, expectedState: 'a-state' };
      return client.authorizationCodeGrant(config, callback ?? new URL(origin), checks);
    }

    async function read(path: string, token: string): Promise<number> {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${hospital.base}${path}`, { headers })).status;
    }

    it.each([
      ['a desktop', DESKTOP],
      ['a phone', PHONE],
    ])(
      'begun by the application goes by clicking to a patient that was searched for: %s',
      async (_, viewport) => {
        const page = await open({ viewport });
        await page.goto(await authorization(`launch/patient ${SCOPES}`));
        await arrive(page, 'Sign in to the sandbox hospital');
        await page.getByRole('radio', { name: 'Dr. Annette Dorn' }).check();
        await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        await arrive(page, 'Choose a patient');
        await page.getByRole('searchbox', { name: 'Name or number' }).fill('nobody-is-called-this');
        await page.getByRole('button', { name: 'Search' }).click();
        await page.getByRole('status').getByText('nobody-is-called-this').waitFor();
        await arrive(page, 'Choose a patient');
        await page.getByRole('link', { name: 'Show who there is' }).click();
        await page.getByRole('searchbox', { name: 'Name or number' }).fill('siobh');
        await page.getByRole('button', { name: 'Search' }).click();
        await page.getByRole('radio', { name: 'Siobhán' }).check();
        await page.getByRole('button', { name: 'Choose' }).click();
        await arrive(page, 'Let Lab viewer in?');
        expect(await page.getByRole('main').innerText()).toContain("O'NEILL, Siobhán");
        await page.getByRole('checkbox', { name: /while you are away/ }).uncheck();
        await page.getByRole('button', { name: 'Allow' }).click();
        await reach(page, 'Welcome back');
        const given = await tokens();
        expect(given).toMatchObject({ patient: await hospital.patientId('100002') });
        expect(given.scope?.split(' ')).not.toContain('offline_access');
        expect(given.refresh_token).toBeUndefined();
        expect(await read(`/Patient/${given.patient}`, given.access_token)).toBe(200);
        expect(await read(`/Patient/${await hospital.patientId('100001')}`, given.access_token)).not.toBe(
          200,
        );
      },
    );

    it('out of the record system goes by keyboard alone, without script', async () => {
      const page = await open({ viewport: PHONE, javaScriptEnabled: false });
      await page.goto(`${issuer}/ehr`);
      // The user (Tab, then down to the next), the application, the patient, the button.
      await page.keyboard.press('Tab');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await reach(page, 'Let Lab viewer in?');
      expect(await page.getByRole('main').innerText()).toContain('Dr. Annette Dorn');
      expect(await page.getByRole('main').innerText()).toContain('HALLER, Johanna');
      const allow = page.getByRole('button', { name: 'Allow' });
      const focused = () => allow.evaluate((element) => element === element.ownerDocument.activeElement);
      for (let stops = 0; stops < 20 && !(await focused()); stops++) await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await reach(page, 'Welcome back');
      const given = await tokens();
      expect(given).toMatchObject({
        patient: await hospital.patientId('100001'),
        need_patient_banner: false,
      });
      expect(await read(`/Patient/${given.patient}`, given.access_token)).toBe(200);
    });

    it('that the user ends leads back with a refusal, and cannot be taken up again', async () => {
      const page = await open({ viewport: DESKTOP });
      await page.goto(`${issuer}/ehr`);
      await arrive(page, 'The record system');
      await page.getByRole('radio', { name: 'HALLER, Johanna' }).check();
      await page.getByRole('button', { name: 'Launch' }).click();
      await arrive(page, 'Let Lab viewer in?');
      const boxes = page.getByRole('checkbox');
      for (const box of await boxes.all()) await box.uncheck();
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByRole('alert').getByText('Nothing is ticked').waitFor();
      await arrive(page, 'Let Lab viewer in?');
      const consent = page.url();
      await page.getByRole('button', { name: 'Refuse' }).click();
      await reach(page, 'Welcome back');
      expect(callback?.searchParams.get('error')).toBe('access_denied');
      await page.goto(consent);
      await arrive(page, 'This did not work');
      expect(await page.getByRole('main').innerText()).toContain('Go back to the application');
    });

    it('that cannot be says why, and under which id', async () => {
      const page = await open({ viewport: PHONE });
      const mistyped = { redirect_uri: `${origin}/calback` };
      const answered = await page.goto(await authorization(SCOPES, mistyped));
      await arrive(page, 'This did not work');
      const text = await page.getByRole('main').innerText();
      expect(text).toContain(`${origin}/calback`);
      expect(text).toContain(`${origin}/callback`);
      expect(text).toContain(answered?.headers()['x-request-id']);
      await page.goto(await authorization(SCOPES, { client_id: 'nobody' }));
      await arrive(page, 'This did not work');
      expect(await page.getByRole('main').innerText()).toContain('register again');
      expect((await page.goto(`${issuer}/nothing`))?.status()).toBe(404);
      await arrive(page, 'This did not work');
      await page.goto(issuer);
      await arrive(page, 'Authorization server of the sandbox hospital');
    });

    it('that another site begins in somebody’s name is refused', async () => {
      const page = await open({ viewport: DESKTOP });
      await page.goto(`${origin}/prize`);
      const [refused] = await Promise.all([
        page.waitForResponse(`${issuer}/ehr`),
        page.getByRole('button').click(),
      ]);
      expect(refused.status()).toBe(403);
      await arrive(page, 'This did not work');
    });
  },
);
