/**
 * The sandbox's addresses; `random` lets the system choose all of them, for tests and for a second one on the same
 * machine.
 */
export const PORTS = {
  default: {
    fhir: 8080,
    admin: 8081,
    control: 8090,
    soap: 8091,
    modern: 8092,
    authorization: 8093,
    mllp: 2575,
    feed: 2576,
  },
  random: { fhir: 0, admin: 0, control: 0, soap: 0, modern: 0, authorization: 0, mllp: 0, feed: 0 },
} as const;

export type PortChoice = keyof typeof PORTS;

/** @throws Error for anything else than `default` or `random`. */
export function portsOf(text: string): (typeof PORTS)[PortChoice] {
  if (text !== 'default' && text !== 'random')
    throw new Error(`--ports is "default" or "random", not "${text}".`);
  return PORTS[text];
}
