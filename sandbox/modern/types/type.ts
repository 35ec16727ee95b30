import { objects, string } from '../json.ts';
import { rangeOf } from '../dates.ts';
import { dateParameter, tokenParameter, type Parameter } from './parameter.ts';

/** What the service knows of a resource type; everything else is the same for all. */
export interface ResourceType {
  readonly name: string;
  /** Search parameters beside `_id` and `_lastUpdated`. */
  readonly search: Readonly<Record<string, Parameter>>;
  /** Allowed values of `status`; absent: the type has none. */
  readonly statuses?: readonly string[];
  /** Elements without which a resource is refused; `_elements` and `_summary` always keep them. */
  readonly required: readonly string[];
  /** Elements of `_summary=true` in FHIR R4; of a choice of types, what they begin with. */
  readonly summary: readonly string[];
  /** `_sort` of a search that names none; absent: in the order in which they were created. */
  readonly order?: string;
}

/** Parameters of every type. */
const COMMON: Readonly<Record<string, Parameter>> = {
  _id: tokenParameter((resource) => [{ system: '', code: string(resource['id']) }]),
  _lastUpdated: dateParameter('_lastUpdated', (resource) => {
    const [meta] = objects(resource['meta']);
    return rangeOf(string(meta?.['lastUpdated']));
  }),
};

/** All search parameters of a type. */
export function parametersOf(type: ResourceType): Readonly<Record<string, Parameter>> {
  let all = KNOWN.get(type);
  if (!all) {
    all = { ...COMMON, ...type.search };
    KNOWN.set(type, all);
  }
  return all;
}

const KNOWN = new WeakMap<ResourceType, Readonly<Record<string, Parameter>>>();
