import type { Segment } from '../hl7/message.ts';

/** An order as the core keeps it. */
export interface Order {
  /** ORC-2 / OBR-2, EI.1. */
  readonly placerNumber: string;
  /** EI.2 of the placer number; '' when it was not said. */
  readonly placerNamespace: string;
  /** ORC-3: assigned here. */
  readonly fillerNumber: string;
  /** `authority|number` of the patient. */
  readonly patient: string;
  /** PV1-19 of the order; '' for none. */
  readonly visit: string;
  readonly serviceCode: string;
  /** Hospital time, `yyyyMMddHHmmss`. */
  readonly receivedAt: string;
  readonly orc: Segment;
  readonly obr: Segment;
  /** NTE, TQ1, DG1, OBX, SPM ... that came with it. */
  readonly details: readonly Segment[];
  /** HL7 table 0038: IP in process, CA cancelled. */
  status: 'IP' | 'CA';
}

export interface Orders {
  all(): readonly Order[];
  /** Without a namespace any namespace will do. */
  find(placerNumber: string, placerNamespace: string): Order | undefined;
  add(order: Omit<Order, 'fillerNumber' | 'status'>): Order;
}

export function createOrders(): Orders {
  const all: Order[] = [];
  return {
    all: () => all,
    find: (number, namespace) =>
      all.find(
        (order) => order.placerNumber === number && (namespace === '' || order.placerNamespace === namespace),
      ),
    add(order) {
      const kept: Order = { ...order, fillerNumber: `F${70_001 + all.length}`, status: 'IP' };
      all.push(kept);
      return kept;
    },
  };
}
