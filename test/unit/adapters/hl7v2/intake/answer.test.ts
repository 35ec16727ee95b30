import { describe, expect, it } from 'vitest';
import {
  answerAtEnd,
  answerNow,
  answersLater,
  askedFor,
} from '../../../../../adapters/hl7v2/intake/answer.ts';
import type { InterfaceProfile } from '../../../../../adapters/hl7v2/intake/profile.ts';
import { readHeader } from '../../../../../adapters/hl7v2/intake/header.ts';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import { mshOf } from './support.ts';

type Mode = InterfaceProfile['acknowledge'];

/** What is answered at once to a success, an error and a rejection; then at the end of processing to a success and an error. `-`: nothing. */
const TABLE: readonly (readonly [mode: Mode, msh15: string, msh16: string, now: string, end: string])[] = [
  ['as-asked', '', '', 'AA AE AR', '- -'],
  ['as-asked', 'AL', '', 'CA CE CR', '- -'],
  ['as-asked', 'AL', 'NE', 'CA CE CR', '- -'],
  ['as-asked', 'AL', 'AL', 'CA CE CR', 'AA AE'],
  ['as-asked', 'AL', 'ER', 'CA CE CR', '- AE'],
  ['as-asked', 'AL', 'SU', 'CA CE CR', 'AA -'],
  ['as-asked', 'ER', '', '- CE CR', '- -'],
  ['as-asked', 'ER', 'AL', '- CE CR', 'AA AE'],
  ['as-asked', 'SU', 'NE', 'CA - -', '- -'],
  ['as-asked', 'SU', 'AL', 'CA AE AR', 'AA AE'],
  ['as-asked', 'NE', 'NE', '- - -', '- -'],
  ['as-asked', '', 'NE', '- - -', '- -'],
  ['as-asked', 'NE', '', '- - -', '- -'],
  ['as-asked', 'NE', 'AL', '- AE AR', 'AA AE'],
  ['as-asked', '', 'AL', '- AE AR', 'AA AE'],
  ['as-asked', 'NE', 'ER', '- AE AR', '- AE'],
  ['as-asked', 'NE', 'SU', '- - -', 'AA -'],
  ['as-asked', ' ', ' ', 'AA AE AR', '- -'],
  ['as-asked', 'XX', '', 'CA CE CR', '- -'],
  ['original', '', '', 'AA AE AR', '- -'],
  ['original', 'AL', 'AL', 'AA AE AR', '- -'],
  ['original', 'NE', 'NE', 'AA AE AR', '- -'],
  ['enhanced', '', '', 'CA CE CR', '- -'],
  ['enhanced', 'NE', 'AL', '- AE AR', 'AA AE'],
  ['enhanced', 'AL', 'AL', 'CA CE CR', 'AA AE'],
];

describe('acknowledgements', () => {
  it.each(TABLE)(
    'on an %s interface with MSH-15 "%s" and MSH-16 "%s" are %s, then %s',
    (mode, accept, applicationAck, now, end) => {
      // Something behind MSH-16: blanks at the end of a message would be no field.
      const message = parseMessage(Buffer.from(mshOf({ accept, applicationAck, charset: 'ASCII' })));
      const asked = askedFor(readHeader(message, {}), mode);
      const at = (['success', 'error', 'reject'] as const).map((outcome) => answerNow(asked, outcome) ?? '-');
      expect(at.join(' ')).toBe(now);
      const later = (['success', 'error'] as const).map((outcome) => answerAtEnd(asked, outcome) ?? '-');
      expect(later.join(' ')).toBe(end);
      expect(answersLater(asked)).toBe(end !== '- -');
    },
  );

  it('are those of original mode where nothing could be read', () => {
    expect(askedFor(undefined, 'enhanced')).toEqual({ mode: 'original' });
  });
});
