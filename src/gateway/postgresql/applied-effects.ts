import type { Effect } from '../../sql/plan.ts';
import type { Conversation } from './conversation.ts';

/** Notes what a statement that has run did to the session. `maskSet`: the masks under which it ran. */
export function applyEffects(talk: Conversation, effects: readonly Effect[], tag: string, maskSet: string): void {
  for (const effect of effects) {
    talk.state.apply(effect, tag, maskSet);
    if (effect.kind === 'CatalogueChange') talk.isCatalogueStale = true;
    else if (effect.kind === 'Reason') talk.reason = effect.text;
    else if (effect.kind === 'Deallocate' && effect.name === undefined) talk.names.forgetPrepared();
    else if (effect.kind === 'CloseCursor' && effect.name === undefined) talk.names.forgetCursors();
    else if (effect.kind === 'Discard' && effect.target === 'All') {
      talk.names.forgetPrepared();
      talk.names.forgetCursors();
    }
  }
}
