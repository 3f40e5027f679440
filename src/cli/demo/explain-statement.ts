import { execFile } from 'node:child_process';
import { relative, sep } from 'node:path';
import { type Stage, connection, subject } from './stage.ts';

/** This program, as the reader would call it. The Node that npm brought along is not the one on the reader's PATH. */
export function programText(): string {
  const node = process.execPath.split(sep).includes('node_modules') ? process.execPath : 'node';
  return `${node} ${relative(process.cwd(), process.argv[1] ?? '')}`;
}

/** Runs `chaperone explain` as the reader could, with the program that runs now. It exits 1 for a statement that is denied. */
export async function explainStatement(stage: Stage, statement: string): Promise<{ readonly command: string; readonly output: string }> {
  const options = ['explain', stage.directory, '--connection', connection, '--subject', `serviceaccount:${subject.namespace}/${subject.name}`, '--statement'];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [process.argv[1] ?? '', ...options, statement], (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  return { command: `${programText()} ${options.join(' ')} "${statement}"`, output };
}
