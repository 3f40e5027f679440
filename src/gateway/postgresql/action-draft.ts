import type { ActionRecord, RecordedParameter } from '../../recording/record.ts';
import type { BindMessage } from '../../wire/postgresql/frontend-messages.ts';
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

/** Values as they are recorded: those for masked columns as keyed digests only. */
export function recordedParameters(bind: BindMessage, secret: readonly number[], digest: (value: Uint8Array) => string): RecordedParameter[] {
  return bind.values.map((value, index) => {
    if (value === null) return { text: null };
    if (secret.includes(index + 1)) return { digest: digest(value) };
    const format = bind.parameterFormats.length === 1 ? bind.parameterFormats[0] : bind.parameterFormats[index];
    return (format ?? 0) === 0 ? { text: value.toString('utf8') } : { base64: value.toString('base64') };
  });
}
