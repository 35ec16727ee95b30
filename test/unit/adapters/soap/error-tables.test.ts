import { describe, expect, it } from 'vitest';
import { createErrorTable } from '../../../../adapters/soap/error-table.ts';
import type { Said } from '../../../../adapters/soap/error-table.ts';
import { loadMappings } from '../../../../src/config/mappings.ts';

const { errors } = loadMappings('mappings');
const tables = ['hospix', 'SOAP'].map((name) => errors.get(name)!);
const table = createErrorTable(tables);

describe.each(tables)('error table $errors', ({ rows }) => {
  // What a row speaks of gives that row's code: no row before it takes it away, none stands there for nothing.
  it.each(rows.map((row) => ({ row, title: JSON.stringify(row) })))('$title', ({ row }) => {
    const said: Said = {
      on: row.on === 'any' ? 'read' : row.on,
      status: row.status,
      reason: row.reason,
      faults: row.fault === undefined ? undefined : [row.fault],
      text: row.says,
      retry: row.retry,
    };
    expect(table(said)).toBe(row.code);
  });
});

describe('the anchors of the table', () => {
  it.each<[string, Said, string | undefined]>([
    ['no such record', { on: 'read', status: '8', reason: 'NOT_FOUND' }, 'not-found'],
    ['no such patient, in a search', { on: 'search', status: '8', reason: 'UNKNOWN_PATIENT' }, 'empty'],
    ['booked before', { on: 'write', status: '8', reason: 'DUPLICATE' }, 'duplicate'],
    ['slot taken', { on: 'write', status: '8', reason: 'SLOT_TAKEN' }, 'conflict'],
    ['changed in between', { on: 'write', status: '8', reason: 'STALE' }, 'version-conflict'],
    ['locked', { on: 'write', status: '8', reason: 'LOCKED' }, 'locked'],
    [
      'another token',
      { on: 'search', status: '8', reason: 'INVALID', text: 'The PageToken does not belong' },
      'page-expired',
    ],
    [
      'another criterion',
      { on: 'search', status: '8', reason: 'INVALID', text: 'A date is yyyy-MM-dd' },
      'legacy-rejected',
    ],
    ['refused without a reason', { on: 'write', status: '8' }, 'legacy-rejected'],
    ['a return code nobody knows', { on: 'read', status: '16' }, undefined],
    [
      'our password, SOAP 1.1',
      { on: 'read', faults: ['FailedAuthentication'], reason: 'SECURITY' },
      'legacy-rejected',
    ],
    ['our password, SOAP 1.2', { on: 'read', faults: ['FailedAuthentication', 'Sender'] }, 'legacy-rejected'],
    ['the service failed', { on: 'write', faults: ['Server'] }, 'legacy-exception'],
    ['the service failed, try again', { on: 'read', faults: ['Receiver'], retry: true }, 'unavailable'],
    ['busy', { on: 'write', faults: ['Receiver'], reason: 'BUSY' }, 'unavailable'],
    ['a code of its own', { on: 'read', faults: ['Weather'] }, undefined],
  ])('%s', (_title, said, code) => {
    expect(table(said)).toBe(code);
  });
});
