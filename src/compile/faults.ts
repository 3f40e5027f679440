import { parseDuration } from '../lib/duration.ts';
import { type NamePattern, parseNamePattern } from '../lib/glob.ts';

/** Collects what is wrong with one object, so that its author reads everything at once. */
export class Faults {
  readonly #messages: string[] = [];

  add(path: string, message: string): void {
    this.#messages.push(`${path} ${message}`);
  }

  get messages(): readonly string[] {
    return this.#messages;
  }

  /** Milliseconds of a duration; undefined when there is none or it is at fault. */
  duration(path: string, text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    const milliseconds = parseDuration(text);
    if (milliseconds === undefined) this.add(path, `must be a duration such as 90s, 1h30m or 400d, not '${shown(text)}'`);
    return milliseconds;
  }

  namePatterns(path: string, texts: readonly string[] | undefined): NamePattern[] {
    return (texts ?? []).flatMap((text, at) => this.namePattern(`${path}[${at}]`, text) ?? []);
  }

  namePattern(path: string, text: string): NamePattern | undefined {
    const pattern = parseNamePattern(text);
    if (pattern === undefined) this.add(path, `must be schema.name, a half that contains a dot in double quotes, not '${shown(text)}'`);
    return pattern;
  }

  unique(path: string, what: string, names: readonly string[]): void {
    const twice = new Set(names.filter((name, at) => names.indexOf(name) !== at));
    for (const name of twice) this.add(path, `must not have two ${what} named '${shown(name)}'`);
  }
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
