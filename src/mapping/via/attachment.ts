import type { Json } from '../../fhir/types.ts';
import { put, stringOf, textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import { descend, descendTo } from '../tree-path.ts';
import { isObject } from '../fhir-path.ts';
import type { Step, TreeReader, TreeWriter } from '../tree.ts';

/**
 * Subtypes of HL7 table 0291, and others in use, and the MIME types that they may be; the first unless the type of data
 * says another.
 */
const BY_SUBTYPE: ReadonlyMap<string, readonly string[]> = new Map([
  ['pdf', ['application/pdf']],
  ['rtf', ['application/rtf', 'text/rtf']],
  ['msword', ['application/msword']],
  ['postscript', ['application/postscript']],
  ['octet-stream', ['application/octet-stream']],
  ['dicom', ['application/dicom']],
  ['xml', ['application/xml', 'text/xml']],
  ['x-hl7-cda-level-one', ['application/x-hl7-cda-level-one+xml']],
  ['html', ['text/html']],
  ['plain', ['text/plain']],
  ['sgml', ['text/sgml']],
  ['jpeg', ['image/jpeg']],
  ['jpg', ['image/jpeg']],
  ['gif', ['image/gif']],
  ['tiff', ['image/tiff']],
  ['png', ['image/png']],
  ['pict', ['image/x-pict']],
  ['basic', ['audio/basic']],
]);

/** Data of which nobody says what they are (RFC 2046 §4.5.1). */
export const OCTETS = 'application/octet-stream';

/** HL7 table 0191 -> MIME top-level type; MIME's own names are themselves. */
const TOP_LEVEL: ReadonlyMap<string, string> = new Map([
  ['ap', 'application'],
  ['application', 'application'],
  ['au', 'audio'],
  ['audio', 'audio'],
  ['ft', 'text'],
  ['im', 'image'],
  ['image', 'image'],
  ['ns', 'image'],
  ['sd', 'image'],
  ['si', 'image'],
  ['multipart', 'multipart'],
  ['text', 'text'],
  ['tx', 'text'],
  ['video', 'video'],
]);

/**
 * Type of data and subtype (ED.2 and ED.3, RP.3 and RP.4) <-> a MIME type. HL7 tables 0191 and 0291.
 * @param typePart the component of the type; the subtype is the next.
 * @param unknown what is read where neither says a MIME type.
 */
export function contentTypeCodec(typePart: number, unknown?: string): Codec {
  return {
    read: (place) => mimeOf(textOf(place.child(typePart)), textOf(place.child(typePart + 1))) ?? unknown,
    write(value, place) {
      const mime = stringOf(value);
      const [, type, subtype] = /^([^/\s]+)\/(\S+)$/.exec(mime ?? '') ?? [];
      if (value !== undefined && mimeOf(type, subtype) !== mime) return false;
      put(place.child(typePart), type);
      put(place.child(typePart + 1), subtype);
      return true;
    },
  };
}

function mimeOf(type: string | undefined, subtype: string | undefined): string | undefined {
  const low = subtype?.trim().toLowerCase() ?? '';
  if (/^[\w.+-]+\/[\w.+-]+$/.test(low)) return low;
  const top = TOP_LEVEL.get(type?.trim().toLowerCase() ?? '');
  const known = BY_SUBTYPE.get(low);
  if (known) return known.find((mime) => mime.startsWith(`${top}/`)) ?? known[0];
  return top === undefined || !/^[\w.+-]+$/.test(low) ? undefined : `${top}/${low}`;
}

/** ED.4 and ED.5 <-> base64. ED.4 may say `A` (text) or `Hex`; what is written is `Base64`. */
export const ED_DATA: Codec = {
  read(place, run) {
    const text = textOf(place.child(5));
    if (text === undefined) return undefined;
    const said = bytesOf(textOf(place.child(4)), text);
    if (said === undefined) run.lose('invalid', place.child(5).location(), 'not what ED.4 says it is');
    return said;
  },
  write(value, place) {
    const data = stringOf(value);
    if (value !== undefined && data === undefined) return false;
    put(place.child(4), data === undefined ? undefined : 'Base64');
    put(place.child(5), data);
    return true;
  },
};

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function bytesOf(encoding: string | undefined, text: string): string | undefined {
  switch ((encoding ?? '').trim().toLowerCase()) {
    case 'a':
      return Buffer.from(text, 'utf8').toString('base64');
    case 'hex': {
      const digits = text.replaceAll(/\s/g, '');
      return /^(?:[0-9A-Fa-f]{2})+$/.test(digits) ? Buffer.from(digits, 'hex').toString('base64') : undefined;
    }
    default: {
      const packed = text.replaceAll(/\s/g, '');
      return BASE64.test(packed) ? packed : undefined;
    }
  }
}

/** An attachment without its data, which are a Binary of their own: its MIME type, or the pointer to it. */
export function describedCodec(typePart: number, pointerPart: number | undefined): Codec {
  const type = contentTypeCodec(typePart, pointerPart === undefined ? OCTETS : undefined);
  const readUrl = (place: TreeReader): Json | undefined => {
    const url = pointerPart === undefined ? undefined : textOf(place.child(pointerPart))?.trim();
    return url === undefined || /\s/.test(url) ? undefined : url;
  };
  const writeUrl = (url: Json | undefined, place: TreeWriter): boolean => {
    if (pointerPart === undefined) return url === undefined;
    put(place.child(pointerPart), stringOf(url));
    return true;
  };
  return {
    read(place, run) {
      const [contentType, url] = [type.read(place, run), readUrl(place)];
      if (contentType === undefined && url === undefined) return undefined;
      return { ...(contentType === undefined ? {} : { contentType }), ...(url === undefined ? {} : { url }) };
    },
    write(value, place, run) {
      if (!isObject(value)) return value === undefined;
      return type.write(value['contentType'], place, run) && writeUrl(value['url'], place);
    },
  };
}

/** A part of the encapsulated data of an observation: of OBX-5 while OBX-2 says ED, which a new one makes it say. */
export function encapsulatedCodec(type: readonly Step[], value: readonly Step[], codec: Codec): Codec {
  const isFile = (obx: TreeReader): boolean => textOf(descend(obx, type)) === 'ED';
  return {
    read: (obx, run) => (isFile(obx) ? codec.read(descend(obx, value), run) : undefined),
    write(said, obx, run) {
      if (isFile(obx)) return codec.write(said, descendTo(obx, value), run);
      if (said === undefined) return true;
      descendTo(obx, value).set('');
      if (!codec.write(said, descendTo(obx, value), run)) return false;
      descendTo(obx, type).set('ED');
      return true;
    },
  };
}
