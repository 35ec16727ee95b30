import type { RequestListener } from 'node:http';
import express from 'express';
import { FhirHandler } from './handler.ts';
import type { FhirOptions } from './handler.ts';
import { carrierOf } from './passthrough.ts';
import type { Passthrough } from './passthrough.ts';
import { splitTarget } from './url.ts';

/** Path of the FHIR base on this server. */
export const FHIR_BASE_PATH = '/fhir/r4';

export interface AppOptions extends FhirOptions {
  /** Path prefixes that are no FHIR; the first that fits is taken. */
  readonly passthrough?: readonly Passthrough[];
}

/** The path below the base; undefined outside of it. */
function belowBase(path: string): string | undefined {
  if (!path.startsWith(FHIR_BASE_PATH)) return undefined;
  const rest = path.slice(FHIR_BASE_PATH.length);
  return rest === '' || rest.startsWith('/') ? rest : undefined;
}

/**
 * The public application: FHIR R4 at `/fhir/r4`, pass-through prefixes, and nothing else. One handler reads the
 * interaction from method and URL before any body; nothing is parsed for a route that streams. FHIR does not go through
 * express, which gives every request and answer another prototype: a fifth of the CPU of a proxied read.
 */
export function createFhirApp(options: AppOptions): RequestListener {
  const fhir = new FhirHandler(options);
  const passthrough = options.passthrough ?? [];
  const carried = express();
  carried.disable('x-powered-by');
  carried.disable('etag');
  carried.set('query parser', false);
  carried.use((req, res) => carrierOf(passthrough, req.url)?.handle(req, res));
  return (req, res) => {
    const { path, query } = splitTarget(req.url ?? '/');
    if (passthrough.some((one) => one.carries(path))) carried(req, res);
    else void fhir.handle(req, res, belowBase(path), query);
  };
}
