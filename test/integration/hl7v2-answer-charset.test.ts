import { expect, it, onTestFinished } from 'vitest';
import { openScene } from './hl7v2-core.ts';
import { frame, startCore } from './mllp-core.ts';

/** A core that answers every query with one patient, in Latin-1. @param msh18 what it says of that. */
async function startLatinCore(msh18: string): Promise<number> {
  const core = await startCore(({ controlId, socket }) => {
    const answer = [
      `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20250101||RSP^K22^RSP_K21|R${controlId}|P|2.5||||||${msh18}`,
      `MSA|AA|${controlId}`,
      'PID|1||100001^^^HOSP||M\u00fcller^Zo\u00eb\r',
    ];
    socket.write(frame(answer.join('\r')), 'latin1');
  });
  onTestFinished(() => core.close());
  return core.port;
}

async function familyName(msh18: string, charsets: { charset?: string; answerCharset?: string }) {
  const scene = await openScene({ port: await startLatinCore(msh18), ...charsets });
  const patient = await scene.source.read('Patient', 'HOSP|100001', scene.context());
  return (patient['name'] as { family: string }[])[0]!.family;
}

it.each([
  ['8859/1', {}],
  ['', { charset: '8859/1' }],
  ['UNICODE UTF-8', { answerCharset: '8859/1' }],
  ['8859/5', { answerCharset: '8859/1' }],
  ['LATIN', { answerCharset: '8859/1' }],
])('an answer in Latin-1 with MSH-18 "%s" is read under %j', async (msh18, charsets) => {
  expect(await familyName(msh18, charsets)).toBe('M\u00fcller');
});

it.each([
  ['UNICODE UTF-8', {}],
  ['UNICODE UTF-8', { charset: '8859/1' }],
  ['', {}],
  ['8859/1', { answerCharset: 'UNICODE UTF-8' }],
])('and is refused with MSH-18 "%s" under %j', async (msh18, charsets) => {
  await expect(familyName(msh18, charsets)).rejects.toMatchObject({ code: 'legacy-malformed' });
});

it('is not begun with a character set that is not known', async () => {
  await expect(openScene({ answerCharset: 'KLINGON' })).rejects.toThrow('character set');
});
