import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { recordsFile, type SessionFolder, sessionFolders } from '../../recording/session-folder.ts';
import { type Verification, verifySession } from '../../recording/verify.ts';
import { replayAsText } from '../replay-text.ts';
import { programText } from './explain-statement.ts';
import type { Narrator } from './narrator.ts';
import type { Stage } from './stage.ts';

const replayedLines = 24;
const closedWithinMs = 5_000;

/** Replays the agent's session, verifies it, then alters copies of it and shows that this is found. */
export async function recordingStep(stage: Stage, narrator: Narrator): Promise<void> {
  narrator.step('Its session was recorded: replay and verify');
  const folder = await closedSession(stage.recordings);
  narrator.sent(`${programText()} replay ${folder.session} --dir ${stage.recordings}`);
  const replay = [...replayAsText(folder.directory, 3)].join('\n').split('\n');
  narrator.block(replay.slice(0, replayedLines).join('\n'));
  narrator.say(`  ... ${replay.length - replayedLines} lines more`);
  const text = replay.join('\n');
  narrator.check(['delete from orders', 'Deny', 'fix-orders', 'select name, email'].every((part) => text.includes(part)), 'every statement with its decision, the denied ones too');
  narrator.sent(`${programText()} verify ${folder.session} --dir ${stage.recordings}`);
  narrator.check(verifies(narrator, verifySession(folder.directory), 'Verified'), 'the recording is as it was written');
  tamperings(folder, narrator);
}

/** The gateway writes the last record once it has seen the client go. */
async function closedSession(recordings: string): Promise<SessionFolder> {
  for (const until = performance.now() + closedWithinMs; ; ) {
    const [folder] = sessionFolders(recordings);
    if (folder !== undefined && (verifySession(folder.directory).status !== 'Incomplete' || performance.now() > until)) return folder;
    if (performance.now() > until) throw new Error(`no session was recorded in ${recordings}`);
    await delay(20);
  }
}

const alterations = [
  { what: 'somebody edits a copy: the DELETE becomes a SELECT', alter: (records: string) => records.replace('"delete from orders', '"select from orders'), status: 'Tampered' },
  { what: 'somebody removes a line of another', alter: (records: string) => records.split('\n').filter((line) => !line.includes('"statement":"delete from orders')).join('\n'), status: 'Tampered' },
  { what: 'somebody cuts the end off', alter: (records: string) => `${records.trimEnd().split('\n').slice(0, -2).join('\n')}\n`, status: 'Incomplete' },
] as const;

function tamperings({ directory }: SessionFolder, narrator: Narrator): void {
  const scratch = `${directory}.altered`;
  const copy = join(scratch, basename(directory));
  for (const { what, alter, status } of alterations) {
    cpSync(directory, copy, { recursive: true });
    const records = readFileSync(join(copy, recordsFile), 'utf8');
    const altered = alter(records);
    writeFileSync(join(copy, recordsFile), altered);
    narrator.sent(what);
    const isFound = verifies(narrator, verifySession(copy), status);
    narrator.check(altered !== records && isFound, 'verify finds it');
    rmSync(scratch, { recursive: true, force: true });
  }
}

function verifies(narrator: Narrator, { status, records, finding }: Verification, wanted: Verification['status']): boolean {
  const where = finding?.line === undefined ? '' : `line ${finding.line}: `;
  narrator.say(`<- ${status}, ${records} records${finding === undefined ? '' : `; ${where}${finding.reason}`}`);
  return status === wanted;
}
