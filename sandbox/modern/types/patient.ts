import { objects, string, type Json, type Resource } from '../json.ts';
import {
  booleanParameter,
  codeParameter,
  dateParameter,
  identifiers,
  stringParameter,
  timeOf,
  tokenParameter,
  type Parameter,
} from './parameter.ts';
import type { ResourceType } from './type.ts';

const list = (value: Json | undefined): Json[] =>
  Array.isArray(value) ? [...(value as readonly Json[])] : [];

/** The words of some parts of a name or an address. */
const words =
  (element: string, ...parts: readonly string[]) =>
  (resource: Resource): Json[] =>
    objects(resource[element]).flatMap((each) =>
      parts.flatMap((part) => (Array.isArray(each[part]) ? list(each[part]) : [each[part] ?? ''])),
    );

const telecom = (system?: string): Parameter =>
  tokenParameter((resource) =>
    objects(resource['telecom'])
      .filter((point) => system === undefined || string(point['system']) === system)
      .map((point) => ({ system: string(point['use']), code: string(point['value']) })),
  );

/** FHIR R4 patient.html */
export const PATIENT: ResourceType = {
  name: 'Patient',
  required: [],
  summary: [
    'identifier',
    'active',
    'name',
    'telecom',
    'gender',
    'birthDate',
    'deceased',
    'address',
    'managingOrganization',
    'link',
  ],
  search: {
    identifier: tokenParameter((resource) => identifiers(resource['identifier'])),
    family: stringParameter(words('name', 'family')),
    given: stringParameter(words('name', 'given')),
    name: stringParameter(words('name', 'family', 'given', 'prefix', 'suffix', 'text')),
    birthdate: dateParameter('birthdate', (resource) => timeOf(resource, 'birthDate')),
    gender: codeParameter('gender', 'http://hl7.org/fhir/administrative-gender'),
    address: stringParameter(
      words('address', 'line', 'city', 'district', 'state', 'country', 'postalCode', 'text'),
    ),
    'address-city': stringParameter(words('address', 'city')),
    'address-state': stringParameter(words('address', 'state')),
    'address-postalcode': stringParameter(words('address', 'postalCode')),
    'address-country': stringParameter(words('address', 'country')),
    phone: telecom('phone'),
    email: telecom('email'),
    telecom: telecom(),
    active: booleanParameter((resource) =>
      typeof resource['active'] === 'boolean' ? resource['active'] : undefined,
    ),
    deceased: booleanParameter(
      (resource) => resource['deceasedBoolean'] === true || resource['deceasedDateTime'] !== undefined,
    ),
  },
};
