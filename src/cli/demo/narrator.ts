import pc from 'picocolors';
import { harmless, harmlessBlock } from '../terminal-text.ts';
import { textTable } from '../text-table.ts';
import type { Reply } from './agent.ts';

const indent = '     ';
const maxRows = 4;
/** What is sent instead of a statement with masks in it is long, and here it is only glanced at. */
const maxLineLength = 150;

/** Tells the story on the terminal and remembers what was not as promised. */
export class Narrator {
  readonly #write: (text: string) => void;
  readonly #colours: ReturnType<typeof pc.createColors>;
  readonly #broken: string[] = [];
  #step = 0;
  #title = '';
  #checks = 0;

  constructor(out: { write(text: string): unknown; readonly isTTY?: boolean }) {
    this.#write = (text) => void out.write(`${text}\n`);
    this.#colours = pc.createColors(out.isTTY === true && pc.isColorSupported);
  }

  /** What was not as promised. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  get checks(): number {
    return this.#checks;
  }

  step(title: string): void {
    this.#step += 1;
    this.#title = title;
    this.#write(`\n${this.#colours.bold(`${this.#step}. ${title}`)}`);
  }

  say(text: string): void {
    this.#write(`   ${text}`);
  }

  block(text: string): void {
    const lines = text.split('\n').map((line) => (line.length > maxLineLength ? `${line.slice(0, maxLineLength)} ...` : line));
    this.#write(harmlessBlock(lines.join('\n'), indent));
  }

  sent(text: string, label = ''): void {
    this.#write(`\n   ${this.#colours.cyan('->')} ${label === '' ? '' : `${label}: `}${this.#colours.cyan(harmless(text))}`);
  }

  received(reply: Reply): void {
    const { dim, red } = this.#colours;
    if (reply.error !== undefined) {
      const { sqlstate, message, detail, hint } = reply.error;
      this.#write(`   <- ${red(`${sqlstate} ${harmless(message)}`)}`);
      if (detail !== undefined) this.#write(`${indent} ${dim(`detail: ${harmless(detail)}`)}`);
      if (hint !== undefined) this.#write(`${indent} ${dim(`hint: ${harmless(hint)}`)}`);
      return;
    }
    if (reply.copied !== '') this.#shown(reply.copied.trimEnd().split('\n').map((line) => harmless(line.replaceAll('\t', '  '))));
    else if (reply.rows.length === 0) this.#write('   <- no rows');
    else this.#shown(textTable(reply.columns, reply.rows.slice(0, maxRows).map((row) => row.map((cell) => cell ?? 'NULL'))).split('\n'), reply.rows.length);
  }

  check(isAsPromised: boolean, promise: string): void {
    const { green, red } = this.#colours;
    this.#checks += 1;
    if (!isAsPromised) this.#broken.push(`step ${this.#step} (${this.#title}): ${promise}`);
    this.#write(`   ${isAsPromised ? green(`ok  ${promise}`) : red(`NOT AS PROMISED: ${promise}`)}`);
  }

  #shown(lines: readonly string[], rows = 0): void {
    for (const [at, line] of lines.slice(0, maxRows + 2).entries()) this.#write(`   ${at === 0 ? '<-' : '  '} ${line}`);
    if (rows > maxRows) this.#write(`      (${rows} rows)`);
  }
}
