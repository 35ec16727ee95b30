import express from 'express';
import type { Express } from 'express';
import { FhirHandler } from './handler.ts';
import type { FhirOptions } from './handler.ts';
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
 * The public application: pass-through prefixes, and FHIR R4 at `/fhir/r4`. One handler reads the interaction from method
 * and URL before any body; nothing is parsed for a route that streams.
 */
export function createFhirApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  const fhir = new FhirHandler(options);
  const passthrough = options.passthrough ?? [];
  app.use((req, res) => {
    const { path, query } = splitTarget(req.url);
    const carrier = passthrough.find((one) => one.carries(path));
    if (carrier) return carrier.handle(req, res);
    return fhir.handle(req, res, belowBase(path), query);
  });
  return app;
}
