import type { Json, JsonObject } from '../../src/fhir/types.ts';
import { added, swapped } from './edit.ts';
import { text, to, gone, listed, fault, special, type Fault } from './plant.ts';

/** Differences in who somebody is and how he is reached. */
export const PERSON_FAULTS: readonly Fault[] = [
  fault(
    'logical id changed',
    'Patient',
    'id',
    text((it) => `${it}0`),
    'Patient.id',
  ),
  special('identifier systems swapped', 'Patient', 'Patient.identifier.value', 'critical', (it) =>
    swapped(it, 'identifier[0].system', 'identifier[1].system'),
  ),
  fault(
    'identifier’s system changed',
    'Patient',
    'identifier[0].system',
    to('urn:oid:1.2.3'),
    'Patient.identifier.system',
  ),
  fault(
    'zero before an identifier',
    'Patient',
    'identifier[0].value',
    text((it) => `0${it}`),
    'Patient.identifier.value',
  ),
  fault('identifier dropped', 'Patient', 'identifier[1]', gone, 'Patient.identifier'),
  special('family and given name swapped', 'Patient', 'Patient.name.family', 'critical', (it) =>
    swapped(it, 'name[0].family', 'name[0].given[0]'),
  ),
  fault(
    'given names in another order',
    'Patient',
    'name[0].given',
    listed((it) => it.toReversed()),
    'Patient.name.given',
    'major',
  ),
  fault(
    'address lines in another order',
    'Patient',
    'address[0].line',
    listed((it) => it.toReversed()),
    'Patient.address.line',
    'minor',
  ),
  fault('name’s use changed', 'Patient', 'name[1].use', to('old'), 'Patient.name.use', 'major'),
  fault(
    'birth date: day and month swapped',
    'Patient',
    'birthDate',
    text((it) => `${it.slice(0, 5)}${it.slice(8)}-${it.slice(5, 7)}`),
    'Patient.birthDate',
  ),
  fault(
    'birth date less precise',
    'Patient',
    'birthDate',
    text((it) => it.slice(0, 4)),
    'Patient.birthDate',
  ),
  fault('extension of a primitive dropped', 'Patient', '_birthDate', gone, 'Patient.birthDate'),
  fault(
    'sex changed',
    'Patient',
    'gender',
    text((it) => (it === 'male' ? 'female' : 'male')),
    'Patient.gender',
  ),
  fault('deceased', 'Patient', 'deceasedBoolean', to(true), 'Patient.deceasedBoolean'),
  fault(
    'digit of a phone number',
    'Patient',
    'telecom[0].value',
    text((it) => `${it.slice(0, -1)}${(Number(it.at(-1)) + 1) % 10}`),
    'Patient.telecom.value',
    'major',
  ),
  fault('must-support element missing', 'Patient', 'communication', gone, 'Patient.communication', 'major'),
  fault(
    'UTF-8 read as Latin-1',
    'Patient',
    'name[0].family',
    text((it) => Buffer.from(it, 'utf8').toString('latin1')),
    'Patient.name.family',
  ),
  fault(
    'letters replaced',
    'Patient',
    'name[0].family',
    text((it) => it.replaceAll(/[^ -~]/g, '?')),
    'Patient.name.family',
  ),
  fault(
    'letters simplified',
    'Patient',
    'name[0].family',
    text((it) =>
      it
        .normalize('NFD')
        .replaceAll(/[^ -~]/g, '')
        .concat('e'),
    ),
    'Patient.name.family',
  ),
  fault('list became one value', 'Patient', 'name', (it) => (it as Json[])[0], 'Patient.name'),
  fault('boolean as string', 'Patient', 'active', to('true'), 'Patient.active'),
  special('empty instead of absent', 'Patient', 'Patient.photo', 'major', (it) => added(it, '', 'photo', [])),
  fault(
    'security label added',
    'Patient',
    'meta',
    (it) => ({ ...(it as JsonObject), security: [{ system: 'urn:x', code: 'R' }] }),
    'Patient.meta.security',
    'major',
  ),
];
