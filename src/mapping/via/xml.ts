import type { Json } from '../../fhir/types.ts';
import { authorityOfSystem, put, stringOf, textOf } from '../authority.ts';
import { say, type Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step } from '../tree.ts';

/** The name of an assigning authority in plain text <-> `Identifier.system`, by the registry. */
export const AUTHORITY_SYSTEM: Codec = {
  read(place, run) {
    const namespace = textOf(place);
    if (namespace === undefined) return undefined;
    const authority = run.authorities.find((it) => it.namespaces?.includes(namespace));
    if (!authority) run.lose('unknown-authority', place.location());
    return authority?.system;
  },
  write(value, place, run) {
    const system = stringOf(value);
    const authority = system === undefined ? undefined : authorityOfSystem(system, run);
    return say(place, value, authority?.namespaces?.[0]);
  },
};

const QUALIFIED = /^([A-Za-z][A-Za-z0-9+.-]*:[^|\s]*)\|(.+)$/s;

/**
 * A number that others gave, in one text <-> an Identifier: `https://portal.example/bookings|77` has the system before
 * the bar; a text without one is the value of an identifier whose system nobody said.
 */
export const QUALIFIED_IDENTIFIER: Codec = {
  read(place) {
    const text = textOf(place);
    if (text === undefined) return undefined;
    const [, system, value] = QUALIFIED.exec(text) ?? [];
    return value === undefined ? { value: text } : { system, value };
  },
  write(value, place) {
    return say(place, value, isObject(value) ? qualified(value['system'], value['value']) : undefined);
  },
};

function qualified(system: Json | undefined, value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || (system !== undefined && typeof system !== 'string')) return undefined;
  const text = system === undefined ? value : `${system}|${value}`;
  return QUALIFIED.test(text) === (system !== undefined) ? text : undefined;
}

/** The name of a person in elements of its own, as one text: title, first, last. Read only. */
export function personNameCodec(parts: readonly (readonly Step[])[]): Codec {
  return {
    read(place) {
      const texts = parts.map((part) => textOf(descend(place, part))).filter((text) => text !== undefined);
      return texts.length === 0 ? undefined : texts.join(' ');
    },
    write: (value) => value === undefined,
  };
}

/**
 * The parts of a place, from the largest down, <-> one text: `WEST/3B/12/A`. A part that is not said stays empty
 * between its neighbours; `/` and `%` inside a part are percent-encoded.
 */
export function placePathCodec(parts: readonly (readonly Step[])[]): Codec {
  return {
    read(place) {
      const texts = parts.map((part) => encode(textOf(descend(place, part)) ?? ''));
      return texts.join('/').replace(/\/+$/, '') || undefined;
    },
    write(value, place) {
      if (value !== undefined && typeof value !== 'string') return false;
      const texts = value?.split('/') ?? [];
      if (texts.length > parts.length) return false;
      for (const [at, part] of parts.entries())
        put(descendTo(place, part), decode(texts[at] ?? '') || undefined);
      return true;
    },
  };
}

function encode(text: string): string {
  return text.replaceAll(/[%/]/g, (character) => (character === '%' ? '%25' : '%2F'));
}

function decode(text: string): string {
  return text.replaceAll(/%(25|2F)/g, (_match, hex: string) => (hex === '25' ? '%' : '/'));
}
