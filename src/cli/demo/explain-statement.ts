import { execFile } from 'node:child_process';
import { relative } from 'node:path';
import { type Stage, connection, subject } from './stage.ts';

/** This program, as the reader would call it. */
export function programText(): string {
  return `node ${relative(process.cwd(), process.argv[1] ?? '')}`;
}

/** Runs `chaperone explain` as the reader could, with the program that runs now. It exits 1 for a statement that is denied. */
export async function explainStatement(stage: Stage, statement: string): Promise<{ readonly command: string; readonly output: string }> {
  const options = ['explain', stage.directory, '--connection', connection, '--subject', `serviceaccount:${subject.namespace}/${subject.name}`, '--statement'];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [process.argv[1] ?? '', ...options, statement], (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  return { command: `${programText()} ${options.join(' ')} "${statement}"`, output };
}
