import type { ActionRecord, RecordedParameter } from '../../recording/record.ts';
import type { BindMessage } from '../../wire/postgresql/frontend-messages.ts';
import type { HeldRun } from './held-names.ts';
import type { KnownText } from './known-text.ts';

type ActionDraft = Omit<ActionRecord, 'kind' | 'action' | 'decision' | 'revision'>;

/** What is recorded of a text that is about to run or was denied. */
export function draftOf(known: KnownText, via: ActionRecord['via'], reason: string | undefined, parameters?: readonly RecordedParameter[]): ActionDraft {
  const { plan, text } = known;
  // Where secrets were cut out of the recorded text they would still stand in the forwarded one.
  const isForwardedShown = plan.text !== text && plan.recordedText === text;
  return {
    via,
    statement: plan.recordedText,
    ...(isForwardedShown && { forwarded: plan.text }),
    ...(parameters !== undefined && { parameters }),
    statements: plan.statements.map(({ action, maskedColumns }) => ({
      statement: action.statement,
      touches: action.touches.map((touch) => `${touch.operation} ${touch.schema}.${touch.relation}`),
      masked: maskedColumns,
    })),
    ...(reason !== undefined && { reason }),
  };
}

/**
 * The same with what the text runs by name: nobody has recorded its Parse. Where that takes values for masked
 * columns, EXECUTE has them as literals, and its text is kept as a digest alone.
 */
export function withRuns(draft: ActionDraft, runs: readonly HeldRun[], digest: (value: Uint8Array) => string): ActionDraft {
  if (runs.length === 0) return draft;
  const named = runs.filter(({ recordedText }) => recordedText !== '');
  const isSecret = runs.some(({ secretParameters, bind }) => secretParameters.length > 0 && bind === undefined);
  const recorded = named.map(({ name, recordedText, bind, secretParameters }) => ({
    name,
    statement: recordedText,
    ...(bind !== undefined && { parameters: recordedParameters(bind, secretParameters, digest) }),
  }));
  const { forwarded: _forwarded, ...unforwarded } = draft;
  const kept = isSecret ? { ...unforwarded, statement: `[withheld: it holds values for masked columns; digest ${digest(Buffer.from(draft.statement))}]` } : draft;
  return { ...kept, ...(recorded.length > 0 && { runs: recorded }) };
}

/** Values as they are recorded: those for masked columns as keyed digests only. */
export function recordedParameters(bind: BindMessage, secret: readonly number[] | 'All', digest: (value: Uint8Array) => string): RecordedParameter[] {
  return bind.values.map((value, index) => {
    if (value === null) return { text: null };
    if (secret === 'All' || secret.includes(index + 1)) return { digest: digest(value) };
    const format = bind.parameterFormats.length === 1 ? bind.parameterFormats[0] : bind.parameterFormats[index];
    return (format ?? 0) === 0 ? { text: value.toString('utf8') } : { base64: value.toString('base64') };
  });
}
