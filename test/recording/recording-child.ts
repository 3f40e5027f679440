/**
 * Records in a loop and says on stdout what has been recorded; ended by the test that started it. Arguments:
 * folder, and how many statements to try (0: for ever). A failed call is answered with its code.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/lib/clock.ts';
import { CodedError } from '../../src/lib/coded-error.ts';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { action, dataRow, result, rowDescription, start } from './sample.ts';

const [path = '', limit = '0', rowBytes = '64'] = process.argv.slice(2);
const recorder = createFolderSink({ path, clock: systemClock }).open(start('s1'));
const rows = Buffer.concat([rowDescription([{ name: 'a' }]), dataRow(['x'.repeat(Number(rowBytes))])]);

for (let number = 1; limit === '0' || number <= Number(limit); number++) {
  try {
    recorder.write(action(number, `select ${number}`));
    writeSync(1, `action ${number}\n`);
    recorder.frames(rows);
    const frames = recorder.sealFrames();
    recorder.write(result(number, frames === undefined ? {} : { frames }));
    writeSync(1, `result ${number}\n`);
  } catch (error) {
    writeSync(1, `failed ${number} ${error instanceof CodedError ? error.code : String(error)}\n`);
  }
}
