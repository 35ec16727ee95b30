import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';
import { messageTree } from '../../../../adapters/hl7v2/tree.ts';
import { compileStructure, segmentOrder } from '../../../../src/mapping/structure.ts';

const HEAD = 'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5';
const messageOf = (...segments: string[]) => parseMessage(Buffer.from([HEAD, ...segments, ''].join('\r')));
const textOf = (message: ReturnType<typeof messageOf>): string =>
  message.toBytes().toString().split('\r').slice(1, -1).join('\r');

describe('a place in a message', () => {
  const tree = messageTree(messageOf('PID|1||A&x^B~C|""||D^^E|'));
  const field = (number: number, index = 0) => tree.child('PID').child(number, index);

  it('tells text, empty, deleted and absent apart', () => {
    expect(
      [field(1), field(2), field(4), field(6, 0).child(2), field(40)].map((place) => place.text()),
    ).toEqual(['1', '', null, '', undefined]);
    expect([field(1), field(2), field(4), field(40)].map((place) => place.filled())).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('is its own first part, and has the text of its first part', () => {
    expect(field(1).child(1).child(1).text()).toBe('1');
    expect(field(1).child(2).text()).toBeUndefined();
    expect(field(3).text()).toBe('A');
    expect(field(3).child(1).child(2).text()).toBe('x');
  });

  it('counts repetitions and names the parts that hold something', () => {
    expect([tree.child('PID').count(3), tree.child('PID').count(2), tree.child('PID').count(40)]).toEqual([
      2, 1, 0,
    ]);
    expect(field(6).steps()).toEqual([1, 3]);
    expect(field(3).steps()).toEqual([1, 2]);
    expect(field(1).steps()).toEqual([]);
    expect(tree.child('PID').steps()).toEqual([1, 3, 4, 6]);
  });

  it('tells at once which of its parts hold something, in any repetition', () => {
    const place = messageTree(messageOf('PID|^b^&^""|~^x||&y^z|')).child('PID');
    const parts = (field: number) => place.child(field).filledParts?.();
    expect([parts(1), parts(2), parts(3), parts(4), parts(40)]).toEqual([0b10100, 0, 0, 0b110, 0]);
    expect(place.child(4).child(1).filledParts?.()).toBe(0b100);
    expect([1, 2, 3, 4, 5, 40].map((field) => place.holds?.(field))).toEqual([
      true,
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it('is named as HL7 names it', () => {
    expect(field(3, 1).child(4).child(2).location()).toBe('PID-3[2].4.2');
    expect(messageTree(messageOf('NK1|1', 'NK1|2')).child('NK1', 1).child(2).location()).toBe('NK1[2]-2');
  });
});

describe('writing to a place', () => {
  const write = (
    segment: string,
    edit: (pid: ReturnType<ReturnType<typeof messageTree>['child']>) => void,
  ): string => {
    const message = messageOf(segment);
    edit(messageTree(message).child('PID'));
    return textOf(message);
  };

  it('makes what is missing, and escapes what would be structure', () => {
    expect(write('PID|1', (pid) => pid.child(5).child(1).child(1).set('O|N^eil'))).toBe(
      'PID|1||||O\\F\\N\\S\\eil',
    );
    expect(write('PID|1', (pid) => pid.child(3, 1).child(4).child(2).set('x'))).toBe('PID|1||~^^^&x');
  });

  it('replaces a structure by a text', () => {
    expect(write('PID|1||A^B&C~D', (pid) => pid.child(3).set('Z'))).toBe('PID|1||Z~D');
  });

  it('says that a field is gone, and leaves out a component', () => {
    expect(write('PID|1||A^B', (pid) => pid.child(3).clear())).toBe('PID|1||""');
    expect(write('PID|1||A^B', (pid) => pid.child(3).child(2).clear())).toBe('PID|1||A^');
    expect(write('PID|1||A', (pid) => pid.child(4).clear())).toBe('PID|1||A');
    expect(write('PID|1||^^', (pid) => pid.child(3).clear())).toBe('PID|1||""');
  });

  it('re-orders repetitions byte for byte', () => {
    expect(write('PID|||A^&x~""~C\\T\\D', (pid) => pid.arrange(3, [2, undefined, 0]))).toBe(
      'PID|||C\\T\\D~~A^&x',
    );
    expect(write('PID|||A~B', (pid) => pid.arrange(3, [0]))).toBe('PID|||A');
  });

  it('refuses to move what it cannot move unchanged', () => {
    expect(() => write('PID|||\\H\\A\\N\\~B', (pid) => pid.arrange(3, [1, 0]))).toThrow(
      /PID-3 holds an escape sequence/,
    );
  });

  it('puts a new segment where the structure wants it', () => {
    const structure = ['MSH', 'EVN', 'PID', 'PD1?', 'NK1*', 'PV1'];
    const message = messageOf('EVN|A28', 'PID|1', 'PV1|1');
    const { root } = compileStructure(structure)(message.segments.map(({ name }) => name));
    const tree = messageTree(message, root, segmentOrder(structure));
    tree.child('PD1').child(4).set('4711');
    tree.child('NK1').child(2).set('Doe');
    expect(textOf(message)).toBe('EVN|A28\rPID|1\rPD1||||4711\rNK1||Doe\rPV1|1');
  });
});
