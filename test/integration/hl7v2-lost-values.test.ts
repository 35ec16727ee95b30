import { expect, it, onTestFinished } from 'vitest';
import { openScene } from './hl7v2-core.ts';
import { frame, startCore } from './mllp-core.ts';

it('a value that FHIR cannot hold is left out, and the log says which, without it', async () => {
  const core = await startCore(({ controlId, socket }) => {
    const answer = [
      `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20250101||RSP^K22^RSP_K21|R${controlId}|P|2.5`,
      `MSA|AA|${controlId}`,
      'PID|1||100001^^^HOSP~C-1^^^ELSEWHERE||Neu\\X00\\mann^Ida~Alt\\X01\\mann^Ida||19800101\r',
    ];
    socket.write(frame(answer.join('\r')), 'latin1');
  });
  onTestFinished(() => core.close());
  const scene = await openScene({ port: core.port });
  const patient = await scene.source.read('Patient', 'HOSP|100001', scene.context());
  expect(patient).toMatchObject({ name: [{ given: ['Ida'] }, { given: ['Ida'] }], birthDate: '1980-01-01' });
  const told = scene.lines.filter(({ level }) => level === 'warn');
  expect(told.map(({ fields }) => [fields['resourceType'], fields['reason'], fields['count']])).toEqual([
    ['Patient', 'unknown-authority PID-3.4', 1],
    ['Patient', 'invalid PID-5.1.1', 2],
  ]);
  expect(JSON.stringify(scene.lines)).not.toMatch(/mann|C-1|ELSEWHERE/);
});
