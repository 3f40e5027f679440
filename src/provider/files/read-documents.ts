import { boolYaml11Tag, CORE_SCHEMA, loadAll, mergeTag } from 'js-yaml';
import { messageOf } from '../../lib/coded-error.ts';
import { err, ok, type Result } from '../../lib/result.ts';

/** As kubectl reads: `yes`, `no`, `on` and `off` are truth values unless they are in quotes, and `<<` merges. */
const schema = CORE_SCHEMA.withTags(boolYaml11Tag, mergeTag);

/** The documents of one YAML file; empty ones are left out. */
export function readDocuments(text: string): Result<readonly unknown[], string> {
  try {
    return ok(loadAll(text, { schema }).filter((document) => document !== null && document !== undefined));
  } catch (thrown) {
    return err(`is not valid YAML: ${withoutExcerpt(messageOf(thrown))}`);
  }
}

/** The parser quotes the lines around a fault, and a Secret may be among them. Its first line says what and where. */
function withoutExcerpt(message: string): string {
  return message.split('\n', 1).join('');
}
