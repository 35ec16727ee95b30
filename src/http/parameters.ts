import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Signal } from '../cancellation.ts';
import { FicusError } from '../errors.ts';
import { decodeUtf8, isJsonObject } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import { readBody } from './body.ts';
import { checkFhirBody, checkFormBody } from './negotiate.ts';
import { parseResource } from './resource-body.ts';
import { decodePairs } from './url.ts';
import type { Pairs } from './url.ts';

/** More than a search may name. */
const MOST_BYTES = 131_072;

/**
 * The parameters in the body of a request: of a search as a form, of an operation as a Parameters resource. An empty
 * body has none.
 *
 * @throws FicusError `unsupported-media`, `malformed`, `invalid`, `too-large`
 */
export async function bodyParameters(
  req: IncomingMessage,
  res: ServerResponse,
  form: 'urlencoded' | 'Parameters',
  signal: Signal,
): Promise<Pairs> {
  const { headers } = req;
  const length = headers['content-length'];
  if (length === '0' || (length === undefined && headers['transfer-encoding'] === undefined)) return [];
  if (form === 'urlencoded') checkFormBody(headers);
  else checkFhirBody(headers);
  const body = await readBody(req, res, MOST_BYTES, signal);
  return form === 'urlencoded' ? decodePairs(decodeUtf8(body)) : pairsOf(parseResource(body));
}

/**
 * The parameters of an operation as pairs, as they would stand in its address (FHIR R4 operations.html#request). One
 * without a value has an empty one.
 *
 * @throws FicusError `invalid` for what is no Parameters resource, or holds one that is no single value
 */
export function pairsOf(resource: Resource): Pairs {
  if (resource.resourceType !== 'Parameters')
    throw refuse('The body of an operation is a Parameters resource', 'Parameters');
  const parameters = resource['parameter'] ?? [];
  if (!Array.isArray(parameters)) throw refuse('This element is a list', 'Parameters.parameter');
  return parameters.map((one, index): [string, string] => {
    const at = `Parameters.parameter[${index}]`;
    if (!isJsonObject(one) || typeof one['name'] !== 'string') throw refuse('A parameter has a name', at);
    const { name, ...others } = one;
    const [member, ...more] = Object.entries(others);
    if (!member) return [name, ''];
    const [element, value] = member;
    const isValue = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (more.length > 0 || !element.startsWith('value') || !isValue)
      throw refuse('A parameter of this operation has one value of a primitive type', at);
    return [name, String(value)];
  });
}

function refuse(message: string, expression: string): FicusError {
  return new FicusError('invalid', message, { expression: [expression] });
}
