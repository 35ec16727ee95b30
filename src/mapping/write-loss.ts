import type { Json, JsonObject } from '../fhir/types.ts';
import { sameJson } from './codec.ts';
import { isObject } from './fhir-path.ts';
import { sameInstant } from './primitive.ts';
import type { Loss } from './run.ts';

/** Members that the server answers for, not the legacy record. */
const MANAGED = new Set(['resourceType', 'id', 'meta']);

/**
 * What of a resource did not come back after it was written and read again, as FHIRPaths; and what came back that it
 * did not have. Two times that are the same instant are the same; the order of list items that different fields hold
 * may differ.
 */
export function carriedLosses(
  wanted: JsonObject,
  back: Json | undefined,
  type: string,
  dropped: readonly { readonly path: string; readonly why: string }[],
  timeZone: string,
): Loss[] {
  const losses: Loss[] = [];
  const without = { ...wanted };
  for (const { path, why } of dropped) {
    if (without[path] === undefined) continue;
    losses.push({ kind: 'dropped', path: `${type}.${path}`, why });
    delete without[path];
  }
  for (const name of MANAGED) delete without[name];
  const answer: JsonObject = isObject(back) ? { ...back } : {};
  for (const name of MANAGED) delete answer[name];
  compare(without, answer, type, losses, timeZone);
  losses.push(...lostLabels(wanted, back, type));
  return losses;
}

const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
/** Systems of labels that protect: how confidential, how sensitive. */
const PROTECTING = new Set<unknown>([CONFIDENTIALITY, 'http://terminology.hl7.org/CodeSystem/v3-ActCode']);
/** Confidentiality that asks for no protection: nothing is lost without it. */
const UNPROTECTED = new Set<unknown>(['U', 'L', 'M', 'N']);

/** Security labels that the record does not take: what a client protects must not be kept without the protection. */
function lostLabels(wanted: JsonObject, back: Json | undefined, type: string): Loss[] {
  const held = labelsOf(back);
  return labelsOf(wanted).flatMap(({ system, code }, at): Loss[] => {
    if (!PROTECTING.has(system) || (system === CONFIDENTIALITY && UNPROTECTED.has(code))) return [];
    if (held.some((label) => label['system'] === system && label['code'] === code)) return [];
    return [{ kind: 'not-carried', path: `${type}.meta.security[${at}]` }];
  });
}

function labelsOf(resource: Json | undefined): readonly JsonObject[] {
  const meta = isObject(resource) ? resource['meta'] : undefined;
  const labels = isObject(meta) ? meta['security'] : undefined;
  return Array.isArray(labels) ? labels.filter((label) => isObject(label)) : [];
}

function compare(
  wanted: Json | undefined,
  back: Json | undefined,
  path: string,
  losses: Loss[],
  timeZone: string,
): void {
  if (sameJson(wanted, back)) return;
  if (wanted === undefined) losses.push({ kind: 'added', path });
  else if (back === undefined) losses.push({ kind: 'not-carried', path });
  else if (Array.isArray(wanted) && Array.isArray(back)) compareLists(wanted, back, path, losses, timeZone);
  else if (isObject(wanted) && isObject(back)) {
    for (const name of new Set([...Object.keys(wanted), ...Object.keys(back)])) {
      if (name === 'display' && wanted[name] !== undefined && follows(back)) {
        if (!sameJson(wanted[name], back[name])) losses.push({ kind: 'derived', path: `${path}.display` });
        continue;
      }
      compare(wanted[name], back[name], `${path}.${name}`, losses, timeZone);
    }
  } else if (
    !(typeof wanted === 'string' && typeof back === 'string' && sameInstant(wanted, back, timeZone))
  ) {
    losses.push({ kind: 'not-carried', path });
  }
}

/** Whether a display follows from what came back: a reference, an identifier, a code. */
function follows(back: JsonObject): boolean {
  return back['reference'] !== undefined || back['identifier'] !== undefined || back['code'] !== undefined;
}

/** Items that came back anywhere in the list are carried; each of the rest is compared with what is most like it. */
function compareLists(
  wanted: readonly Json[],
  back: readonly Json[],
  path: string,
  losses: Loss[],
  timeZone: string,
): void {
  const left = [...back];
  const open: [number, Json][] = [];
  for (const [at, item] of wanted.entries()) {
    const found = left.findIndex((it) => sameJson(it, item));
    if (found >= 0) left.splice(found, 1);
    else open.push([at, item]);
  }
  const moved = open.length === 0 && left.length === 0 && typeof wanted[0] !== 'object';
  if (moved) losses.push({ kind: 'not-carried', path });
  for (const [at, item] of open) {
    const place = `${path}[${at}]`;
    let best: { index: number; found: Loss[] } | undefined;
    for (const [index, candidate] of left.entries()) {
      const found: Loss[] = [];
      compare(item, candidate, place, found, timeZone);
      if (!best || found.length < best.found.length) best = { index, found };
    }
    if (best) left.splice(best.index, 1);
    losses.push(...(best?.found ?? [{ kind: 'not-carried', path: place }]));
  }
  for (const [at] of left.entries()) losses.push({ kind: 'added', path: `${path}[${wanted.length + at}]` });
}
